import type { PrincipalIdentity } from "../../shared/call/principal.ts";
import { ToolError } from "../../shared/call/tool-error.ts";
import type { JsonValue } from "../../shared/encoding/json.ts";
import {
  type ConnectionFailure,
  type ConnectionTarget,
  connectionGate,
  countShards,
} from "../../shared/objects/connection-gate.ts";
import { currentTrace } from "../../shared/observe/trace.ts";

/** What a call knows that a request to a connection needs. */
export interface CallLimits {
  signal: AbortSignal;
  /** Milliseconds until the call's deadline. */
  timeLeft(): number;
}

/** One operation of a connector. */
export interface Operation {
  name: string;
  arguments: Readonly<Record<string, JsonValue>>;
  /** Settings of the session that say who is calling. */
  settings?: Readonly<Record<string, string>>;
  repeatable: boolean;
}

let turn = 0;

/**
 * Sends one operation to an object of the connection. Cancels it at the other system when the caller hangs up.
 * Throws {@link ToolError} in our own words.
 */
export async function askConnection(
  env: Env,
  target: ConnectionTarget,
  operation: Operation,
  principal: PrincipalIdentity,
  { signal, timeLeft }: CallLimits,
): Promise<JsonValue> {
  const id = crypto.randomUUID();
  // In turn: chance would fill the queue of one object while another is idle.
  turn += 1;
  const shard = turn % countShards(target.entry);
  const gate = connectionGate(env, target.name, shard);
  const cancel = () => void gate.cancel(id).catch(() => {});
  signal.addEventListener("abort", cancel, { once: true });
  try {
    const answer = await gate.run(target, {
      id,
      operation: operation.name,
      arguments: operation.arguments,
      identity: operation.settings ?? {},
      timeoutMs: Math.max(1, timeLeft()),
      repeatable: operation.repeatable,
      note: `gatehouse user=${principal.userId} trace=${currentTrace()?.id ?? ""}`,
    });
    if (answer.ok) return answer.value;
    throw toError(answer.failure);
  } finally {
    signal.removeEventListener("abort", cancel);
  }
}

/** A failure of a connection as the error of a call. */
export function toError({ code, message, action, retryAfter }: ConnectionFailure): ToolError {
  return new ToolError(code === "account_needed" ? "forbidden" : code, message, {
    ...(action !== undefined && { suggestedAction: action }),
    ...(retryAfter !== undefined && { retryAfter }),
  });
}
