import { openKeyring } from "../auth/keyring.ts";
import type { SessionOwner } from "../auth/session-seal.ts";
import { createSessionId, sealSessionId } from "../auth/session-seal.ts";
import { JSON_RPC, ProtocolFault } from "../call/protocol-fault.ts";
import { ToolError } from "../call/tool-error.ts";
import type { Task, TaskInput } from "../objects/task.ts";
import { TASKS_EXTENSION, taskGate } from "../objects/task.ts";
import { currentTrace } from "../observe/trace.ts";
import type { Entry } from "../server/catalogue.ts";
import type { ToolDefinition } from "../server/define.ts";
import type { TaskWorkflow } from "../server/task-workflow.ts";
import { decide } from "./decide.ts";
import type { RequestContext } from "./request-context.ts";

/** Suggested polling interval for clients, in milliseconds. */
const POLL_MS = 1_000;

/** Milliseconds that the work of a task may take unless its tool says otherwise. */
const LIMIT_MS = 60 * 60_000;

/** The result of a call that continues as a task. */
export interface CreatedTask {
  resultType: "task";
  taskId: string;
}

/** Whether a call's result is a task. */
export function isCreatedTask(answer: unknown): answer is CreatedTask {
  return (
    typeof answer === "object" && answer !== null && "resultType" in answer && answer.resultType === "task"
  );
}

/** Throws for a tool that runs only as a task, if the client does not support tasks. */
export function requireTasks(ctx: RequestContext, { definition, subject }: Entry<ToolDefinition>): void {
  if (definition.work?.tasks !== "required" || ctx.channel.tasks) return;
  // A caller without permission must not learn about the tool here.
  if (decide(ctx.policy, ctx.identity, subject).kind === "deny") return;
  throw missingTasks();
}

/**
 * Hands the work of a call to the user's Principal object. When this returns, the task is durable and its
 * steps have begun. Throws `rate_limited` if the user has too many unfinished tasks.
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
    ...describeSpan(),
  });
  if (task === null) {
    throw new ToolError("rate_limited", "This person has too many tasks that are not finished.", {
      suggestedAction: "Wait until one of them is finished, or cancel one, then call again.",
      retryAfter: 30,
    });
  }
  return { resultType: "task", ...describeTask(task) };
}

/** The span that the steps of a new task are below, if one is recorded. */
function describeSpan(): { spanId?: string } {
  const spanId = currentTrace()?.spanId;
  return spanId === undefined ? {} : { spanId };
}

/** Task seals and session seals cannot be exchanged. */
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
