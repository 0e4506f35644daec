import { openKeyring } from "../../auth/keyring.ts";
import { openSessionId } from "../../auth/session-seal.ts";
import type { ContentBlock } from "../../call/content.ts";
import { JSON_RPC, ProtocolFault, toProtocolFault } from "../../call/protocol-fault.ts";
import { ToolError } from "../../call/tool-error.ts";
import type { JsonValue } from "../../encoding/json.ts";
import { decide, requireAllowed } from "../../guard/decide.ts";
import { contentsSchemaOf } from "../../guard/masking/mask-session-memory.ts";
import type { RequestContext } from "../../guard/request-context.ts";
import { describeTask, missingTasks, sealedFor } from "../../guard/start-task.ts";
import { type TaskOwner, taskGate } from "../../objects/task.ts";
import type { Decision } from "../../policy/decide.ts";
import { masksOf } from "../../policy/masks.ts";
import { maskContents } from "../../redact/mask-contents.ts";
import { maskFields } from "../../redact/mask-fields.ts";
import type { ToolDefinition } from "../../server/define.ts";

/** `tasks/get`: the task's status, with its questions or its outcome. */
export async function getTask(ctx: RequestContext, taskId: unknown): Promise<object> {
  const { task, entry } = await readTask(ctx, taskId);
  const { questions, result, error } = task;
  const inputRequests = Object.fromEntries(
    questions.map(({ key, method, params }) => [key, { method, params }]),
  );
  return {
    ...describeTask(task),
    ...(questions.length > 0 && { inputRequests }),
    ...(result && { result: maskAgain(ctx, entry.definition, result) }),
    ...(error && { error }),
  };
}

/** `tasks/update`: answers to the task's questions. */
export async function updateTask(ctx: RequestContext, taskId: unknown, responses: unknown): Promise<object> {
  const { id, owner } = await readTask(ctx, taskId);
  if (typeof responses !== "object" || responses === null || Array.isArray(responses)) {
    throw new ProtocolFault(JSON_RPC.invalidParams, "inputResponses must be an object of answers by key.");
  }
  const gate = taskGate(ctx.env, ctx.identity.userId);
  if (!(await gate.answer(id, owner, responses as Record<string, unknown>))) throw unknownTask();
  return {};
}

/** `tasks/cancel`. A finished task stays as it is. */
export async function cancelTask(ctx: RequestContext, taskId: unknown): Promise<object> {
  const { id, owner } = await openTaskId(ctx, taskId);
  if (!(await taskGate(ctx.env, ctx.identity.userId).cancel(id, owner))) throw unknownTask();
  return {};
}

/** Reads a task. Throws `invalid_params` if the task is gone or its tool is no longer allowed. */
async function readTask(ctx: RequestContext, taskId: unknown) {
  const { id, owner } = await openTaskId(ctx, taskId);
  const { env, policy, identity, catalogue } = ctx;
  const task = await taskGate(env, identity.userId).read(id, owner);
  const entry = task && catalogue.tools.get(task.tool);
  if (!task || !entry) throw unknownTask();
  const decision = decide(policy, identity, entry.subject);
  if (decision.kind === "deny") throw unknownTask();
  requireCallable(decision);
  return { id, owner, task, entry };
}

/**
 * Throws if the app's grant has too few scopes by now, or its second factor is too old, and says what is
 * missing.
 */
function requireCallable(decision: Decision): void {
  try {
    requireAllowed(decision);
  } catch (failure) {
    throw failure instanceof ToolError ? toProtocolFault(failure) : failure;
  }
}

/** Opens the seal, so that another user's id is refused before any object is addressed. */
async function openTaskId(ctx: RequestContext, taskId: unknown): Promise<{ id: string; owner: TaskOwner }> {
  if (!ctx.channel.tasks) throw missingTasks();
  const keyring = openKeyring(ctx.env, "SESSION_SEAL_KEY");
  const id = typeof taskId === "string" ? await openSessionId(keyring, taskId, sealedFor(ctx)) : null;
  if (id === null) throw unknownTask();
  return { id, owner: { clientId: ctx.identity.clientId, server: ctx.catalogue.name } };
}

/**
 * Masks the result again: it was masked for the role at that time, and the user's role may be smaller now.
 */
function maskAgain(
  { policy, identity, catalogue }: RequestContext,
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

function unknownTask(): ProtocolFault {
  return new ProtocolFault(JSON_RPC.invalidParams, "The task does not exist or has expired.");
}
