import { env } from "cloudflare:workers";
import { expect } from "vitest";
import { type ApprovalItem, approvalGate } from "../../shared/objects/approval-gate.ts";
import { bundledPolicy } from "../../shared/policy/bundled.ts";
import type { CallAnswer, TestSession } from "./session.ts";
import { addPerson } from "./token.ts";

/** The path of the approval page in an answer. Throws when it has none. */
export function pathIn(text: string | undefined): string {
  const [, path] = /(\/approvals\/[a-p]+)/.exec(text ?? "") ?? [];
  if (path === undefined) throw new Error(`No link to an approval in: ${text}`);
  return path;
}

/** The path of the approval page in a refused call. */
export function pathOf({ error }: CallAnswer): string {
  if (error?.code !== "approval_required") throw new Error(`Not approval_required: ${JSON.stringify(error)}`);
  return pathIn(error.message);
}

/** A user's request in this state. Waits until the platform database lists it. */
export async function findApproval(
  userId: string,
  state: ApprovalItem["state"] = "pending",
): Promise<ApprovalItem> {
  const read = async () => {
    const { results } = await env.PLATFORM_DB.prepare(
      "SELECT id FROM approval WHERE requester = ? AND state = ?",
    )
      .bind(userId, state)
      .all<{ id: string }>();
    const items = await Promise.all(results.map(({ id }) => approvalGate(env, userId).readApproval(id)));
    return items.find((item) => item?.state === state);
  };
  await expect.poll(read).toBeDefined();
  return (await read()) as ApprovalItem;
}

/** Decides as the page does after it has checked the user. */
export async function decideAs(
  by: string,
  { requester, approvalId }: ApprovalItem,
  granted = true,
): Promise<void> {
  const { digest: policyDigest } = bundledPolicy();
  const known = await env.PLATFORM_DB.prepare(`SELECT 1 FROM "user" WHERE id = ?`).bind(by).first();
  if (known === null) await addPerson({ name: by.replace(/^user_/, ""), role: "admin" });
  const decision = { approvalId, by, granted, reason: null, policyDigest };
  const result = await approvalGate(env, requester).decideApproval(decision);
  if (result !== "recorded") throw new Error(`Not recorded: ${result}`);
}

/** A call whose answer is a stream with questions. */
export interface OpenCall {
  /** The next message of the stream, or `null` at its end. */
  next(): Promise<ReturnType<typeof JSON.parse> | null>;
  /** The answer, after any other messages. */
  answer(): Promise<ReturnType<typeof JSON.parse>>;
  /** Answers a question of the stream. */
  reply(id: unknown, result: Record<string, unknown>): Promise<void>;
}

/** Starts a call in a session and reads its answer message by message. */
export async function startCall(
  session: TestSession,
  id: string,
  name: string,
  args: Record<string, unknown>,
): Promise<OpenCall> {
  const params = { name, arguments: args };
  const response = await session.post(
    { jsonrpc: "2.0", id, method: "tools/call", params },
    "tools/call",
    params,
  );
  const streams = response.headers.get("content-type")?.includes("text/event-stream") === true;
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  const next = async () => {
    for (;;) {
      const [, data, rest] = (streams ? /^.*?data: (\{[^\n]*)\n\n(.*)$/s : /^(\{.*\})()$/).exec(text) ?? [];
      if (data !== undefined) {
        text = rest ?? "";
        return JSON.parse(data);
      }
      const chunk = await reader?.read();
      if (!chunk || chunk.done) return null;
      text += chunk.value;
    }
  };
  return {
    next,
    async answer() {
      for (;;) {
        const message = await next();
        if (message === null || message.id === id) return message?.result;
      }
    },
    async reply(question, result) {
      await session.post({ jsonrpc: "2.0", id: question, result });
    },
  };
}
