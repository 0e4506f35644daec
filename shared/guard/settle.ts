import { log } from "../observe/log.ts";
import { type Outcome, principalGate } from "./admit.ts";
import type { Exchange } from "./exchange.ts";
import type { Subject } from "./subject.ts";

/**
 * Step 5: writes the outcome beside its intent and one log line. Off the critical path: if it is lost, the
 * intent stands and the record says `unknown`.
 */
export function settle(exchange: Exchange, subject: Subject, outcome: Outcome): void {
  const { identity } = exchange;
  log(outcome.status === "internal_error" ? "error" : "info", "call", {
    call_id: outcome.callId,
    trace_id: exchange.traceId,
    lane: exchange.lane,
    server: subject.server,
    kind: subject.kind,
    name: subject.name,
    user_id: identity.userId,
    client_id: identity.clientId,
    status: outcome.status,
    duration_ms: outcome.durationMs,
    bytes: outcome.bytes,
  });
  exchange.waitUntil(
    principalGate(exchange.env, identity.userId)
      .settle(outcome)
      .catch((failure: unknown) => {
        log("warn", "settle_failed", { call_id: outcome.callId, error: String(failure) });
      }),
  );
}
