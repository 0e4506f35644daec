import type { Subject } from "../call/subject.ts";
import type { Outcome } from "../objects/principal-gate.ts";
import { principalGate } from "../objects/principal-gate.ts";
import { log, logSettings } from "../observe/log.ts";
import { isSampled } from "../observe/log-settings.ts";
import { bufferOutcome, FLUSH_DELAY_MS, flushDelay, listWaiting, takeOutcomes } from "./outcome-buffer.ts";
import type { RequestContext } from "./request-context.ts";

/** Share of running-call slots from which an outcome is sent at once, to free its slot. */
const CROWDED = 0.25;

/**
 * Step 5: writes one log line and sends the outcome. A call that failed always gets its line, others the share that
 * `LOG_SAMPLE` sets. The outcome travels with the user's next call in this isolate, or alone after a short delay, or
 * at once when the user's slots for running calls run low. Runs after the response: if the outcome is lost, the intent
 * remains and the record says `unknown`.
 *
 * @param busy - share of slots in use when the call began, itself included
 */
export function settle(ctx: RequestContext, subject: Subject, outcome: Outcome, busy: number): void {
  const { env, identity } = ctx;
  const failed = outcome.status !== "ok";
  if (failed || isSampled(outcome.callId, logSettings())) logCall(ctx, subject, outcome);
  const undertaken = bufferOutcome(identity.userId, outcome, Date.now());
  if (busy >= CROWDED) ctx.waitUntil(deliver(env, identity.userId));
  else if (undertaken) ctx.waitUntil(deliverLater(env, identity.userId));
}

/** Logs a call: ids, names that Gatehouse defines, and numbers. */
function logCall(ctx: RequestContext, subject: Subject, outcome: Outcome): void {
  log(outcome.status === "internal_error" ? "error" : "info", "call", {
    call_id: outcome.callId,
    trace_id: ctx.traceId,
    lane: ctx.lane,
    server: subject.server,
    kind: subject.kind,
    name: subject.name,
    user_id: ctx.identity.userId,
    client_id: ctx.identity.clientId,
    status: outcome.status,
    duration_ms: outcome.durationMs,
    bytes: outcome.bytes,
    ...(outcome.cached && { cached: outcome.cached }),
  });
}

/** Sends all buffered outcomes of this isolate. */
export async function deliverOutcomes(env: Env): Promise<void> {
  await Promise.all(listWaiting().map((userId) => deliver(env, userId)));
}

async function deliverLater(env: Env, userId: string): Promise<void> {
  for (let waited = 0, rest = FLUSH_DELAY_MS; rest > 0; rest = flushDelay(userId, Date.now(), waited)) {
    await scheduler.wait(rest);
    waited += rest;
  }
  await deliver(env, userId);
}

async function deliver(env: Env, userId: string): Promise<void> {
  const outcomes = takeOutcomes(userId);
  if (outcomes.length === 0) return;
  try {
    await principalGate(env, userId).settle(outcomes);
  } catch (failure) {
    const call_id = outcomes.map(({ callId }) => callId).join(" ");
    log("warn", "settle_failed", { call_id, error: String(failure) });
  }
}
