import type { Subject } from "../call/subject.ts";
import { ToolError } from "../call/tool-error.ts";
import { log } from "../observe/log.ts";
import type { Policy } from "../policy/compile.ts";
import { openObject } from "./open-object.ts";

/** Seconds that a client should wait while the tool's object does not answer. */
const RETRY_SECONDS = 5;

/** The one object of a tool that all people share. `workers/objects/tool-limits` implements it. */
export interface ToolGate {
  /**
   * Takes one of `allowed` turns within any minute. Gives 0, or the seconds after which there is one if nobody else
   * comes first.
   */
  take(allowed: number): Promise<number>;
  /** Turns that are written down. Takes none. */
  countTurns(): Promise<number>;
}

/** The object of a tool. Its name is the tool's. */
export function toolGate(env: Env, tool: string): ToolGate {
  return openObject<ToolGate>(env, env.TOOL_LIMITER, tool);
}

/**
 * Asks for a turn where the policy limits a tool for all people together; nothing else costs a trip. Only calls that
 * everything else lets through ask. Throws `rate_limited`, or `unavailable` when nobody answers.
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
