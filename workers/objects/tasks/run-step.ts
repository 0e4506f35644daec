import { elicitsOf } from "../../../shared/call/client-abilities.ts";
import { InputNeeded, type Inquiry } from "../../../shared/call/input-needed.ts";
import { JSON_RPC } from "../../../shared/call/protocol-fault.ts";
import { ToolError, toToolError } from "../../../shared/call/tool-error.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import { callStep, callStop, errorAnswer } from "../../../shared/guard/call-tool.ts";
import type { ClientChannel, RequestContext } from "../../../shared/guard/request-context.ts";
import {
  inquire,
  inquireSample,
  inquireVisit,
  readAnswer,
  readSample,
  readVisit,
  requireAbility,
} from "../../../shared/mcp/methods/dialogue.ts";
import { publishChange } from "../../../shared/objects/change-gate.ts";
import { createPrincipalMemory } from "../../../shared/objects/principal-memory.ts";
import type { NewTask } from "../../../shared/objects/task.ts";
import { logFailure } from "../../../shared/observe/log.ts";
import { runInTrace, type Trace } from "../../../shared/observe/trace.ts";
import type { Policy } from "../../../shared/policy/compile.ts";
import { policyInForce } from "../../../shared/policy/current.ts";
import type { Catalogue } from "../../../shared/server/catalogue.ts";
import { showsViews } from "../../../shared/server/view.ts";
import { openCatalogueOf } from "../../catalogues.ts";
import { TaskQuestions } from "./task-questions.ts";
import type { Stage, TaskChange } from "./task-store.ts";

/** What a step needs of its object. */
export interface StepHost {
  env: Env;
  signal: AbortSignal;
  /** Reports the step's progress. */
  note(message: string): void;
  waitUntil(promise: Promise<unknown>): void;
}

/** Runs one step of a task and returns the task's change. Never throws. */
export async function runStep(stage: Stage, host: StepHost): Promise<TaskChange> {
  const { task } = stage;
  let accessEnded = false;
  try {
    const { catalogue, policy } = await openNow(host.env, task.server);
    const entry = catalogue.tools.get(task.tool);
    if (!entry?.definition.work) {
      return fail(`The tool ${task.tool} no longer exists.`);
    }
    const ctx = openRequest(stage, host, { catalogue, policy }, () => {
      accessEnded = true;
    });
    const outcome = await runInTrace(traceOfTask(task), () => callStep(ctx, entry, task));
    publishChange(ctx, entry.subject);
    if (!("state" in outcome)) return complete(outcome);
    const { done, total, message, waitMs = 0 } = outcome;
    const text = describeProgress(done, total, message);
    return { kind: "next", state: outcome.state, message: text, dueAt: Date.now() + waitMs };
  } catch (failure) {
    if (failure instanceof InputNeeded) return { kind: "ask", questions: failure.requests };
    if (accessEnded) return { kind: "cancelled", message: "The app's access has ended." };
    return explain(failure, stage);
  }
}

/**
 * After a task was cancelled: one sentence about the work that was done, or `null` if its tool says nothing
 * or the user may no longer call it; a number is the time at which to ask again. Never throws.
 */
export async function runStop(stage: Stage, host: StepHost): Promise<string | number | null> {
  const { task } = stage;
  try {
    const { catalogue, policy } = await openNow(host.env, task.server);
    const entry = catalogue.tools.get(task.tool);
    if (!entry?.definition.work?.stop) return null;
    const ctx = openRequest(stage, host, { catalogue, policy }, () => {});
    return await runInTrace(traceOfTask(task), () => callStop(ctx, entry, task));
  } catch (failure) {
    if (!(failure instanceof ToolError)) logFailure("task_stop_failed", failure, { name: task.tool });
    else if (failure.retryAfter !== undefined) return Date.now() + failure.retryAfter * 1_000;
    return null;
  }
}

/** The trace of the call that the task comes from. */
function traceOfTask({ traceId, spanId }: NewTask): Trace {
  return { id: traceId, sampled: spanId !== undefined, state: null, ...(spanId !== undefined && { spanId }) };
}

/** The catalogue and policy in force now, whatever they were when the task began. */
async function openNow(env: Env, server: string): Promise<{ catalogue: Catalogue; policy: Policy }> {
  const policy = await policyInForce(env);
  return { catalogue: await openCatalogueOf(server).at(env, policy.revisions), policy };
}

function openRequest(
  stage: Stage,
  host: StepHost,
  inForce: { catalogue: Catalogue; policy: Policy },
  endAccess: () => void,
): RequestContext {
  const { task } = stage;
  const { policy } = inForce;
  return {
    ...{ env: host.env, identity: task.identity, ...inForce },
    // A task belongs to no session: its memory is in the user's Principal object, as for stateless clients.
    ...{ lane: "stateless", sessionId: null, traceId: task.traceId },
    session: createPrincipalMemory(host.env, task.identity),
    channel: openChannel(stage, host, policy),
    signal: host.signal,
    waitUntil: (promise) => host.waitUntil(promise),
    // There is no HTTP response: the task's status says when it continues.
    retryAfter: () => {},
    endAccess,
  };
}

function explain(failure: unknown, { task }: Stage): TaskChange {
  const error =
    failure instanceof ToolError
      ? failure
      : toToolError(failure, logFailure("task_failed", failure, { name: task.tool, trace_id: task.traceId }));
  // Over a limit, or a dependency is unavailable: the step is postponed.
  if (error.retryAfter !== undefined) {
    return { kind: "later", message: error.message, dueAt: Date.now() + error.retryAfter * 1_000 };
  }
  return error.code === "internal_error" ? fail(error.message) : complete(errorAnswer(error));
}

/**
 * Every tool result is a completed task, one with `isError` too: `failed` is for other failures (SEP-2663).
 */
function complete(answer: object): TaskChange {
  return { kind: "completed", result: JSON.parse(JSON.stringify(answer)) as Record<string, JsonValue> };
}

function fail(message: string): TaskChange {
  return { kind: "failed", error: { code: JSON_RPC.internalError, message } };
}

function describeProgress(
  done: number | undefined,
  total: number | undefined,
  message: string | undefined,
): string | null {
  const count = done === undefined ? "" : total === undefined ? `${done}` : `${done} of ${total}`;
  const parts = [count, message ?? ""].filter((part) => part !== "");
  return parts.length > 0 ? parts.join(": ") : null;
}

/** A task has no connected client: the client polls its progress and answers its questions. */
function openChannel({ task, step, answers }: Stage, { note }: StepHost, { digest }: Policy): ClientChannel {
  const { abilities } = task;
  const elicits = elicitsOf(abilities);
  const questions = new TaskQuestions(step, answers, digest);
  const put = <Value>(inquiry: Inquiry, read: (response: unknown) => Value): Promise<Value> => {
    requireAbility(abilities, inquiry);
    return questions.put(inquiry, read);
  };
  return {
    progress: (done, total, message) => note(describeProgress(done, total, message) ?? ""),
    // Tasks have no log messages (SEP-2663).
    log: () => {},
    ask: async (question) => put(inquire(question), (response) => readAnswer(question, response)),
    sample: async (prompt, options) => put(inquireSample(prompt, options), readSample),
    relay: async (inquiry) => put(inquiry, (response) => response),
    visit: async (page) => put(inquireVisit(page, elicits, false), readVisit),
    endVisit: () => {},
    release: () => {},
    ...{ elicits, abilities, tasks: true, showsViews: showsViews(abilities) },
  };
}
