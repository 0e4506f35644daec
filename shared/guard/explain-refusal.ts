import { ToolError } from "../call/tool-error.ts";
import type { LimitName, Refusal } from "../objects/admission-request.ts";

const LIMIT_TEXTS: Record<LimitName, (allowed: number) => string> = {
  callsPerClient: (allowed) => `This app may make ${allowed} calls a minute for one person.`,
  callsPerCostlyTool: (allowed) => `One person may call this tool ${allowed} times a minute.`,
  callsPerUser: (allowed) => `All apps of one person together may make ${allowed} calls a minute.`,
  concurrentCalls: (allowed) => `${allowed} calls of this person are running already.`,
  unitsPerDay: (allowed) => `The person's ${allowed} units of this day (UTC) are used up.`,
};

/** The error for the model when the Principal object refuses a call. */
export function explainRefusal(refusal: Refusal): ToolError {
  switch (refusal.code) {
    case "access_ended":
      return new ToolError(
        "access_ended",
        "This app's access has been revoked, or its person's account ended.",
      );
    case "unavailable":
      return new ToolError("unavailable", "Gatehouse cannot look up the person's account right now.", {
        retryAfter: refusal.retryAfter,
      });
    case "rate_limited":
      return new ToolError("rate_limited", LIMIT_TEXTS[refusal.limit](refusal.allowed), {
        retryAfter: refusal.retryAfter,
      });
  }
}
