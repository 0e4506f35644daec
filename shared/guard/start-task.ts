import { openKeyring } from "../auth/keyring.ts";
import type { SessionOwner } from "../auth/session-seal.ts";
import { createSessionId, sealSessionId } from "../auth/session-seal.ts";
import { JSON_RPC, ProtocolFault } from "../call/protocol-fault.ts";
import { ToolError } from "../call/tool-error.ts";
import type { Task, TaskInput } from "../objects/task.ts";
import { TASKS_EXTENSION, taskGate } from "../objects/task.ts";
import type { Entry } from "../server/catalogue.ts";
import type { ToolDefinition } from "../server/define.ts";
import type { TaskWorkflow } from "../server/task-workflow.ts";
import { decide } from "./decide.ts";
import type { RequestContext } from "./request-context.ts";

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
export function requireTasks(ctx: RequestContext, { definition, subject }: Entry<ToolDefinition>): void {
  if (definition.work?.tasks !== "required" || ctx.channel.tasks) return;
  // Who may not call it anyway learns nothing about it here.
  if (decide(ctx.policy, ctx.identity, subject).kind === "deny") return;
  throw missingTasks();
}

/**
 * Leaves the work of a call to its person's object. The task is durable when this returns, and its steps begin at once.
 * Throws `rate_limited` when the person has too many tasks that are not finished.
 */
export async function startTask(
  ctx: RequestContext,
  { subject }: Entry<ToolDefinition>,
  { limitMs = LIMIT_MS }: TaskWorkflow<unknown, unknown, unknown, unknown>,
  left: TaskInput,
): Promise<CreatedTask> {
  const { env, identity, catalogue, traceId } = ctx;
  const id = createSessionId();
  const keyring = openKeyring(env, "SESSION_SEAL_KEY");
  const sealedId = await sealSessionId(keyring, id, sealedFor(ctx));
  const task = await taskGate(env, identity.userId).create({
    ...{ id, sealedId, server: catalogue.name, tool: subject.name, ...left },
    ...{ identity: { ...identity }, abilities: ctx.channel.abilities, traceId, limitMs },
  });
  if (task === null) {
    throw new ToolError("rate_limited", "This person has too many tasks that are not finished.", {
      suggestedAction: "Wait until one of them is finished, or cancel one, then call again.",
      retryAfter: 30,
    });
  }
  return { resultType: "task", ...describeTask(task) };
}

/** The seal of a task opens no session, and the reverse. */
export function sealedFor({ identity: { userId, clientId }, catalogue }: RequestContext): SessionOwner {
  return { userId, clientId, server: `task:${catalogue.name}` };
}

export function describeTask({ sealedId, status, message, createdAt, updatedAt, ttlMs }: Task) {
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

export function missingTasks(): ProtocolFault {
  const text = `This needs a client with the extension ${TASKS_EXTENSION}.`;
  const requiredCapabilities = { extensions: { [TASKS_EXTENSION]: {} } };
  return new ProtocolFault(JSON_RPC.missingCapability, text, { requiredCapabilities });
}
