import { openKeyring } from "../auth/keyring.ts";
import { decide, requireAllowed } from "../guard/decide.ts";
import type { Exchange } from "../guard/exchange.ts";
import type { Decision } from "../policy/decide.ts";
import { masksOf } from "../policy/masks.ts";
import { maskContents } from "../redact/mask-contents.ts";
import { maskFields } from "../redact/mask-fields.ts";
import { createSessionId, openSessionId, type SessionOwner, sealSessionId } from "../session/seal.ts";
import { TASKS_EXTENSION, type Task, type TaskOwner, taskGate, type WorkLeft } from "../tasks/task.ts";
import type { Entry } from "./catalogue.ts";
import type { ContentBlock, ToolDefinition } from "./define.ts";
import { ToolError } from "./errors.ts";
import type { JsonValue } from "./json.ts";
import type { LongWork } from "./long-work.ts";
import { contentsSchemaOf } from "./masked-home.ts";
import { JSON_RPC, ProtocolFault, toProtocolFault } from "./protocol-fault.ts";

/** How often a client should look (milliseconds). */
const POLL_MS = 1_000;

/** Milliseconds that the work of a task may take when its tool names no other bound. */
const LIMIT_MS = 60 * 60_000;

/** The answer to a call whose work goes on: a task to look after. */
export interface CreatedTask {
  resultType: "task";
  taskId: string;
}

/** Whether a call's answer is a task. */
export function isCreatedTask(answer: unknown): answer is CreatedTask {
  return (
    typeof answer === "object" && answer !== null && "resultType" in answer && answer.resultType === "task"
  );
}

/** Refuses the call of a tool that works as a task only, for a client that does not understand them. */
export function requireTasks(exchange: Exchange, { definition, subject }: Entry<ToolDefinition>): void {
  if (definition.work?.tasks !== "required" || exchange.channel.tasks) return;
  // Who may not call it anyway learns nothing about it here.
  if (decide(exchange.policy, exchange.identity, subject).kind === "deny") return;
  throw missingTasks();
}

/**
 * Leaves the work of a call to its person's object. The task is durable when this returns, and its steps begin at once.
 * Throws `rate_limited` when the person has too many tasks that are not finished.
 */
export async function startTask(
  exchange: Exchange,
  { subject }: Entry<ToolDefinition>,
  { limitMs = LIMIT_MS }: LongWork<unknown, unknown, unknown, unknown>,
  left: WorkLeft,
): Promise<CreatedTask> {
  const { env, identity, catalogue, traceId } = exchange;
  const id = createSessionId();
  const keyring = openKeyring(env, "SESSION_SEAL_KEY");
  const sealedId = await sealSessionId(keyring, id, sealedFor(exchange));
  const task = await taskGate(env, identity.userId).create({
    ...{ id, sealedId, server: catalogue.name, tool: subject.name, ...left },
    ...{ identity: { ...identity }, abilities: exchange.channel.abilities, traceId, limitMs },
  });
  if (task === null) {
    throw new ToolError("rate_limited", "This person has too many tasks that are not finished.", {
      suggestedAction: "Wait until one of them is finished, or cancel one, then call again.",
      retryAfter: 30,
    });
  }
  return { resultType: "task", ...describeTask(task) };
}

/** `tasks/get`: where the task is, with its questions or its outcome. */
export async function getTask(exchange: Exchange, taskId: unknown): Promise<object> {
  const { task, entry } = await readTask(exchange, taskId);
  const { questions, result, error } = task;
  const inputRequests = Object.fromEntries(
    questions.map(({ key, method, params }) => [key, { method, params }]),
  );
  return {
    ...describeTask(task),
    ...(questions.length > 0 && { inputRequests }),
    ...(result && { result: maskAgain(exchange, entry.definition, result) }),
    ...(error && { error }),
  };
}

/** `tasks/update`: answers to the task's questions. */
export async function updateTask(exchange: Exchange, taskId: unknown, responses: unknown): Promise<object> {
  const { id, owner } = await readTask(exchange, taskId);
  if (typeof responses !== "object" || responses === null || Array.isArray(responses)) {
    throw new ProtocolFault(JSON_RPC.invalidParams, "inputResponses must be an object of answers by key.");
  }
  const gate = taskGate(exchange.env, exchange.identity.userId);
  if (!(await gate.answer(id, owner, responses as Record<string, unknown>))) throw unknownTask();
  return {};
}

/** `tasks/cancel`. A finished task stays as it is. */
export async function cancelTask(exchange: Exchange, taskId: unknown): Promise<object> {
  const { id, owner } = await openTaskId(exchange, taskId);
  if (!(await taskGate(exchange.env, exchange.identity.userId).cancel(id, owner))) throw unknownTask();
  return {};
}

/**
 * The task, for who may call its tool. One that is gone, or that this person may not call any more: then its results and
 * its questions are none of their business either.
 */
async function readTask(exchange: Exchange, taskId: unknown) {
  const { id, owner } = await openTaskId(exchange, taskId);
  const { env, policy, identity, catalogue } = exchange;
  const task = await taskGate(env, identity.userId).read(id, owner);
  const entry = task && catalogue.tools.get(task.tool);
  if (!task || !entry) throw unknownTask();
  const decision = decide(policy, identity, entry.subject);
  if (decision.kind === "deny") throw unknownTask();
  requireCallable(decision);
  return { id, owner, task, entry };
}

/** An app that was connected anew with fewer permissions, or whose second factor is too old, is told what is missing. */
function requireCallable(decision: Decision): void {
  try {
    requireAllowed(decision);
  } catch (failure) {
    throw failure instanceof ToolError ? toProtocolFault(failure) : failure;
  }
}

/** A stranger's id is refused before any object is addressed. */
async function openTaskId(exchange: Exchange, taskId: unknown): Promise<{ id: string; owner: TaskOwner }> {
  if (!exchange.channel.tasks) throw missingTasks();
  const keyring = openKeyring(exchange.env, "SESSION_SEAL_KEY");
  const id = typeof taskId === "string" ? await openSessionId(keyring, taskId, sealedFor(exchange)) : null;
  if (id === null) throw unknownTask();
  return { id, owner: { clientId: exchange.identity.clientId, server: exchange.catalogue.name } };
}

/** The seal of a task opens no session, and the reverse. */
function sealedFor({ identity: { userId, clientId }, catalogue }: Exchange): SessionOwner {
  return { userId, clientId, server: `task:${catalogue.name}` };
}

function describeTask({ sealedId, status, message, createdAt, updatedAt, ttlMs }: Task) {
  return {
    taskId: sealedId,
    status,
    ...(message !== null && { statusMessage: message }),
    createdAt: new Date(createdAt).toISOString(),
    lastUpdatedAt: new Date(updatedAt).toISOString(),
    ttlMs,
    pollIntervalMs: POLL_MS,
  };
}

/** The result was masked for the role that the person had then; they may have a smaller one now. */
function maskAgain(
  { policy, identity, catalogue }: Exchange,
  { output }: ToolDefinition,
  result: Record<string, JsonValue>,
): object {
  const rules = masksOf(policy, identity.role);
  const [copy, ...extra] = result.content as unknown as ContentBlock[];
  const schemaOf = contentsSchemaOf(catalogue);
  if (!output || result.isError || !copy) {
    return { ...result, content: maskContents(result.content as unknown as ContentBlock[], rules, schemaOf) };
  }
  const structured = maskFields(output, result.structuredContent as Record<string, JsonValue>, rules);
  const text: ContentBlock = { type: "text", text: JSON.stringify(structured) };
  return { structuredContent: structured, content: [text, ...maskContents(extra, rules, schemaOf)] };
}

function missingTasks(): ProtocolFault {
  const text = `This needs a client with the extension ${TASKS_EXTENSION}.`;
  const requiredCapabilities = { extensions: { [TASKS_EXTENSION]: {} } };
  return new ProtocolFault(JSON_RPC.missingCapability, text, { requiredCapabilities });
}

function unknownTask(): ProtocolFault {
  return new ProtocolFault(JSON_RPC.invalidParams, "There is no such task, or its time is over.");
}
