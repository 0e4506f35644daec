import { describeCall } from "../audit/describe-call.ts";
import type { CallDetails } from "../audit/record.ts";
import { ToolError, toToolError } from "../mcp/errors.ts";
import { InputNeeded } from "../mcp/input-needed.ts";
import { logFailure } from "../observe/log.ts";
import { limitsOf } from "../policy/current.ts";
import { masksOf } from "../policy/masks.ts";
import { maskError } from "../redact/mask-error.ts";
import { admit, followAdmission } from "./admit.ts";
import { ContextRecorder } from "./context-recorder.ts";
import { decide, requireAllowed } from "./decide.ts";
import type { Exchange } from "./exchange.ts";
import { isRefusal, recordDenial } from "./record-denial.ts";
import { type HoldDeadline, runBounded, type TimeLeft } from "./run.ts";
import { settle } from "./settle.ts";
import type { Subject } from "./subject.ts";
import { takeToolTurn } from "./tool-turn.ts";

/** The two steps that depend on the kind of subject. */
export interface GuardedWork<Raw, Shaped> {
  /** Milliseconds. */
  timeoutMs: number;
  /** What the client sent, for the record: names, types and a digest of it are kept. */
  args: Readonly<Record<string, unknown>>;
  run(
    signal: AbortSignal,
    context: ContextRecorder,
    hold: HoldDeadline,
    callId: string,
    timeLeft: TimeLeft,
  ): Promise<Raw>;
  /** Step 4: checks and bounds what came back. */
  shape(raw: Raw, context: ContextRecorder): Promise<Shaped>;
  /** Size of the shaped answer in bytes or characters, for the record. */
  measure(shaped: Shaped): number;
}

/**
 * The one chain that every tool call, resource and prompt passes, on both lanes:
 * decide → admit → run → shape → settle. Throws {@link ToolError} for every failure; nothing else leaves it but
 * {@link InputNeeded}, with which the stateless lane asks the person.
 */
export async function guard<Raw, Shaped>(
  exchange: Exchange,
  subject: Subject,
  work: GuardedWork<Raw, Shaped>,
): Promise<Shaped> {
  const decision = decide(exchange.policy, exchange.identity, subject);
  if (isRefusal(decision)) recordDenial(exchange, subject, work.args, decision);
  requireAllowed(decision);
  const { identity, policy } = exchange;
  const details = describeCall(exchange, subject, work.args, decision);
  const { callId, startedAt } = details;
  const admitted = await admitOrExplain(exchange, subject, details, work.timeoutMs);

  let status = "ok";
  let bytes = 0;
  try {
    await followAdmission(exchange, admitted);
    // The role has changed since the token was made, or the policy since the request came in.
    if (exchange.identity !== identity || exchange.policy !== policy) {
      decideAnew(exchange, subject, work.args, callId);
    }
    await takeToolTurn(exchange, subject);
    const context = new ContextRecorder(admitted.context ?? (await exchange.session.read()), subject.server);
    const raw = await runBounded(exchange.signal, work.timeoutMs, (signal, hold, timeLeft) =>
      work.run(signal, context, hold, callId, timeLeft),
    );
    const shaped = await work.shape(raw, context);
    await context.flush(exchange.session);
    bytes = work.measure(shaped);
    return shaped;
  } catch (failure) {
    if (failure instanceof InputNeeded) {
      status = "input_required";
      throw failure;
    }
    const error = explain(failure, exchange, subject);
    status = error.code;
    throw error;
  } finally {
    const busy = admitted.running / limitsOf(exchange.policy, exchange.identity.role).concurrentCalls;
    settle(exchange, subject, { callId, status, durationMs: Date.now() - startedAt, bytes }, busy);
  }
}

/** The same question once more. A refusal is recorded under the id of the call, whose intent is already in the chain. */
function decideAnew(
  exchange: Exchange,
  subject: Subject,
  args: Readonly<Record<string, unknown>>,
  callId: string,
): void {
  const decision = decide(exchange.policy, exchange.identity, subject);
  if (isRefusal(decision)) recordDenial(exchange, subject, args, decision, callId);
  requireAllowed(decision);
}

async function admitOrExplain(exchange: Exchange, subject: Subject, details: CallDetails, timeoutMs: number) {
  try {
    return await admit(exchange, subject, details, timeoutMs);
  } catch (failure) {
    throw explain(failure, exchange, subject);
  }
}

function explain(failure: unknown, { identity, policy, traceId }: Exchange, subject: Subject): ToolError {
  if (failure instanceof ToolError) return maskError(failure, masksOf(policy, identity.role));
  return toToolError(failure, logFailure("call_failed", failure, { name: subject.name, trace_id: traceId }));
}
