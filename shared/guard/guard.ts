import type { CallDetails } from "../audit/record.ts";
import { type CachedAnswer, olderOf } from "../call/cached-answer.ts";
import type { ReadLabel } from "../call/flow-labels.ts";
import { InputNeeded } from "../call/input-needed.ts";
import type { Subject } from "../call/subject.ts";
import { ToolError, toToolError } from "../call/tool-error.ts";
import { enforceToolLimit } from "../objects/tool-rate-limit.ts";
import { logFailure } from "../observe/log.ts";
import { flushSpans } from "../observe/spans.ts";
import { limitsOf } from "../policy/current.ts";
import { masksOf } from "../policy/masks.ts";
import { maskError } from "../redact/mask-error.ts";
import type { Entry } from "../server/catalogue.ts";
import { type AdmittedRequest, admit, followAdmission, markFound } from "./admit.ts";
import {
  type Decided,
  decideWithFactor,
  explainMissingFactor,
  leadToFactor,
} from "./approval/fresh-factor.ts";
import { ContextRecorder } from "./context-recorder.ts";
import { decide, requireAllowed } from "./decide.ts";
import { describeCall } from "./describe-call.ts";
import { isRefusal, recordDenial } from "./record-denial.ts";
import type { RequestContext } from "./request-context.ts";
import { type Run, runBounded } from "./run.ts";
import { settle } from "./settle.ts";
import { StoreScope } from "./store-scope.ts";
import { beginCallSpan, type CallSpan } from "./tracing/call-span.ts";

/** The parts of a call that depend on the kind of subject. */
export interface GuardedWork<Raw, Shaped> {
  /** Milliseconds. */
  timeoutMs: number;
  /** What the client sent; the record keeps names, types and a digest. */
  args: Readonly<Record<string, unknown>>;
  run(run: Run): Promise<Raw>;
  /** Step 4: checks and bounds what came back. */
  shape(raw: Raw, run: Pick<Run, "context" | "ctx">): Promise<Shaped>;
  /** Size of the shaped result in bytes or characters, for the record. */
  measure(shaped: Shaped): number;
  /** `ok`, or the code of a failure that another system reports in its answer. */
  statusOf?(shaped: Shaped): string;
}

/**
 * Runs every tool call, resource and prompt on both lanes: decide → admit → run → shape → settle. Throws
 * {@link ToolError} for every failure, and {@link InputNeeded} when the stateless lane has to ask the client.
 */
export function guard<Raw, Shaped>(
  ctx: RequestContext,
  subject: Subject,
  work: GuardedWork<Raw, Shaped>,
): Promise<Shaped> {
  const span = beginCallSpan(ctx, subject);
  return span === null ? runGuarded(ctx, subject, work, null) : runInSpan(ctx, subject, work, span);
}

async function runInSpan<Raw, Shaped>(
  ctx: RequestContext,
  subject: Subject,
  work: GuardedWork<Raw, Shaped>,
  span: CallSpan,
): Promise<Shaped> {
  try {
    return await span.hold(() => runGuarded(ctx, subject, work, span));
  } catch (failure) {
    // A refusal before admission; every other end was noted with the outcome.
    span.end(subject, undefined, failure instanceof ToolError ? failure.code : "internal_error");
    throw failure;
  } finally {
    flushSpans(ctx);
  }
}

async function runGuarded<Raw, Shaped>(
  arrived: RequestContext,
  subject: Subject,
  work: GuardedWork<Raw, Shaped>,
  span: CallSpan | null,
): Promise<Shaped> {
  span?.step("decide");
  const decided = await decideFirst(arrived, subject, work.args);
  const details = describeCall(decided.ctx, subject, work.args, decided.decision);
  const { callId, startedAt } = details;
  span?.step("admit");
  const { admitted, ...known } = await admitOrExplain(decided.ctx, subject, details, work.timeoutMs);

  let status = "ok";
  let bytes = 0;
  let cached: CachedAnswer | undefined;
  let { ctx } = known;
  const stores = new StoreScope(ctx, subject, admitted.bookmarks);
  try {
    ctx = await followAdmission(ctx, admitted);
    // Admission knows the role since the token was issued, and the policy since the request arrived.
    if (ctx.identity !== decided.ctx.identity || ctx.policy !== decided.ctx.policy)
      decideAgain(ctx, subject, work.args, callId);
    await enforceToolLimit(ctx, subject);
    const context = new ContextRecorder(admitted.context ?? (await ctx.session.read()), subject.server);
    const openStore = (entry: Entry<unknown>) => stores.open(ctx, entry);
    const found = new Set<ReadLabel>();
    const meets = (labels: readonly ReadLabel[]) => {
      for (const label of labels) if (!subject.reads.includes(label)) found.add(label);
    };
    const fromCache = (read: CachedAnswer) => {
      cached = olderOf(cached, read);
    };
    span?.step("run");
    const raw = await runBounded(ctx.signal, work.timeoutMs, (signal, pause, timeLeft) =>
      work.run({ callId, ctx, signal, pause, timeLeft, context, openStore, meets, fromCache }),
    ).finally(() => stores.noteWritten(ctx));
    span?.step("shape");
    const shaped = await work.shape(raw, { context, ctx });
    // Admission has marked what the definition says; only what another system says of its answer comes later.
    if (found.size > 0) await markFound(ctx, subject, [...found]);
    await context.flush(ctx.session);
    bytes = work.measure(shaped);
    status = work.statusOf?.(shaped) ?? "ok";
    return shaped;
  } catch (failure) {
    if (failure instanceof InputNeeded) {
      status = "input_required";
      throw failure;
    }
    const error = explain(failure, ctx, subject);
    status = error.code;
    throw error;
  } finally {
    span?.step("settle", status);
    // The answer does not wait for connections to close.
    ctx.waitUntil(stores.close());
    const busy = admitted.running / limitsOf(ctx.policy, ctx.identity.role).concurrentCalls;
    const outcome = { callId, status, durationMs: Date.now() - startedAt, bytes };
    settle(ctx, subject, { ...outcome, ...(cached && { cached: cached.stale ? "stale" : "fresh" }) }, busy);
    span?.end(subject, callId, status);
  }
}

/** Decides before admission. Where a fresh second factor is all that is missing, the person is asked for it in place. */
async function decideFirst(
  ctx: RequestContext,
  subject: Subject,
  args: Readonly<Record<string, unknown>>,
): Promise<Decided> {
  let decided = await decideWithFactor(ctx, subject);
  if (decided.decision.kind === "mfa" && subject.kind === "tool") {
    const missing = decided.decision;
    await leadToFactor(ctx, missing).catch((failure: unknown) => {
      if (failure instanceof ToolError) recordDenial(ctx, subject, args, missing);
      throw failure;
    });
    decided = await decideWithFactor(ctx, subject);
  }
  const { decision } = decided;
  if (isRefusal(decision)) recordDenial(ctx, subject, args, decision);
  if (decision.kind === "mfa") throw await explainMissingFactor(ctx, decision);
  requireAllowed(decision);
  return decided;
}

/**
 * Decides again after admission. The intent is already in the chain, so a refusal is recorded under the
 * call's id.
 */
function decideAgain(
  ctx: RequestContext,
  subject: Subject,
  args: Readonly<Record<string, unknown>>,
  callId: string,
): void {
  const decision = decide(ctx.policy, ctx.identity, subject);
  if (isRefusal(decision)) recordDenial(ctx, subject, args, decision, callId);
  requireAllowed(decision);
}

async function admitOrExplain(
  ctx: RequestContext,
  subject: Subject,
  details: CallDetails,
  timeoutMs: number,
): Promise<AdmittedRequest> {
  try {
    return await admit(ctx, subject, details, timeoutMs);
  } catch (failure) {
    throw explain(failure, ctx, subject);
  }
}

function explain(
  failure: unknown,
  { identity, policy, traceId }: RequestContext,
  subject: Subject,
): ToolError {
  if (failure instanceof ToolError) return maskError(failure, masksOf(policy, identity.role));
  return toToolError(failure, logFailure("call_failed", failure, { name: subject.name, trace_id: traceId }));
}
