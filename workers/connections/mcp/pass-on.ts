import { MADE_CALL } from "../../../shared/call/made-call.ts";
import type { McpEntry } from "../../../shared/connections/kinds/mcp.ts";
import { isDeeperThan, MAX_DEPTH } from "../../../shared/encoding/depth.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import { RefusedRequest } from "../connector.ts";

/**
 * A result of the SDK as it crosses to the near side: JSON of at most `limits.bytes` characters. Throws
 * {@link RefusedRequest} for one that is larger or too deep, which says of a call that is not repeatable that it was made.
 */
export function passOn(
  result: unknown,
  {
    entry: { title, limits },
    isRepeatable,
    conceal,
  }: {
    entry: Pick<McpEntry, "title"> & { limits: Pick<McpEntry["limits"], "bytes"> };
    isRepeatable: boolean;
    conceal: (value: JsonValue) => JsonValue;
  },
): JsonValue {
  try {
    const answer = conceal(plain(result));
    const size = JSON.stringify(answer).length;
    if (size <= limits.bytes) return answer;
    throw new RefusedRequest({
      code: "result_too_large",
      message: `${title} answers with ${size} characters; at most ${limits.bytes} are passed on.`,
    });
  } catch (failure) {
    if (isRepeatable || !(failure instanceof RefusedRequest)) throw failure;
    const { code, message } = failure.failure;
    throw new RefusedRequest({ code, message: `${message} ${MADE_CALL.words}`, action: MADE_CALL.action });
  }
}

/** The SDK's results are JSON with members that are `undefined`. Deeper ones would exhaust the stack of what walks them. */
export function plain(value: unknown): JsonValue {
  if (typeof value === "object" && value !== null && isDeeperThan(value, MAX_DEPTH))
    throw new RefusedRequest({
      code: "unavailable",
      message: "The server answers with values that are too deep.",
    });
  return JSON.parse(JSON.stringify(value)) as JsonValue;
}

/** The server made Gatehouse send requests without an end: answers to its pings, or streams that it ends and has resumed. */
export function refuseFlood(title: string, isRepeatable: boolean): RefusedRequest {
  const message = `${title} makes Gatehouse send too many requests in one call.`;
  const action = "Report this to an administrator; do not retry.";
  if (isRepeatable) return new RefusedRequest({ code: "forbidden", message, action, attempt: "question" });
  const unknown = `${message} It is not known whether the call was carried out.`;
  return new RefusedRequest({ code: "outcome_unknown", message: unknown, action, attempt: "question" });
}

/**
 * Tells progress as the protocol wants it (MCP, «Progress»): each value is larger than the one before, and none is beyond
 * the total.
 */
export function onlyForward<More extends unknown[]>(
  tell: (progress: number, total: number | undefined, ...more: More) => void,
): (progress: number, total: number | undefined, ...more: More) => void {
  let last = Number.NEGATIVE_INFINITY;
  return (progress, total, ...more) => {
    if (progress <= last) return;
    last = progress;
    tell(progress, total === undefined || total < progress ? undefined : total, ...more);
  };
}
