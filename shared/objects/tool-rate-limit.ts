import type { Subject } from "../call/subject.ts";
import { ToolError } from "../call/tool-error.ts";
import { log } from "../observe/log.ts";
import type { Policy } from "../policy/compile.ts";
import { openObject } from "./open-object.ts";

/** Seconds that a client should wait while the tool's object is unavailable. */
const RETRY_SECONDS = 5;

/** The one object of a tool, shared by all users. Implemented in `workers/objects/tool-limits`. */
export interface ToolGate {
  /**
   * Takes one of `allowed` slots per minute. Returns 0, or the seconds until a slot is free if no other call
   * comes first.
   */
  take(allowed: number): Promise<number>;
  /** Number of slots in use. Takes none. */
  countTurns(): Promise<number>;
}

/** The object of a tool. Its name is the tool's. */
export function toolGate(env: Env, tool: string): ToolGate {
  return openObject<ToolGate>(env, env.TOOL_LIMITER, tool);
}

/**
 * Takes a slot if the policy limits the tool for all users together; other tools cost no round trip. Called
 * last, after every other check has passed. Throws `rate_limited`, or `unavailable` if the object does not
 * answer.
 */
export async function enforceToolLimit(
  { env, policy }: { env: Env; policy: Policy },
  { kind, name }: Subject,
): Promise<void> {
  const allowed = kind === "tool" ? policy.toolLimits.get(name) : undefined;
  if (allowed === undefined) return;
  const retryAfter = await toolGate(env, name)
    .take(allowed)
    .catch((cause: unknown) => {
      log("error", "tool_limit_unknown", { name, error: String(cause) });
      throw new ToolError("unavailable", "Gatehouse cannot count the calls of this tool right now.", {
        retryAfter: RETRY_SECONDS,
        cause,
      });
    });
  if (retryAfter === 0) return;
  const text = `All people together may call this tool ${allowed} times a minute.`;
  throw new ToolError("rate_limited", text, { retryAfter });
}
