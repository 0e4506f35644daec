import { z } from "zod";
import type { Answer, Question } from "./define.ts";
import { ToolError } from "./errors.ts";
import type { JsonValue } from "./json.ts";
import { describeIssues } from "./schema.ts";

/** Milliseconds a person has to answer while the call waits. */
export const ANSWER_TIMEOUT_MS = 5 * 60_000;

/** What a client can be asked, from its declared capabilities. */
export interface ClientAbilities {
  elicitation?: unknown;
  sampling?: unknown;
}

/** The parameters of `elicitation/create` for a form (MCP 2025-11-25 and 2026-07-28). */
export function elicitationParams(question: Question): Record<string, JsonValue> {
  const { $schema: _dialect, additionalProperties: _closed, ...schema } = z.toJSONSchema(question.schema);
  return { mode: "form", message: question.message, requestedSchema: schema as JsonValue };
}

/** The parameters of `sampling/createMessage`. */
export function samplingParams(
  prompt: string,
  options: { maxTokens?: number; system?: string } = {},
): Record<string, JsonValue> {
  return {
    messages: [{ role: "user", content: { type: "text", text: prompt } }],
    maxTokens: options.maxTokens ?? 1_000,
    ...(options.system !== undefined && { systemPrompt: options.system }),
  };
}

/** Throws `client_unsupported` naming the capability that the client did not declare. */
export function requireAbility(abilities: ClientAbilities | undefined, ability: keyof ClientAbilities): void {
  if (abilities?.[ability] !== undefined) return;
  throw new ToolError("client_unsupported", `This tool needs a client with the "${ability}" capability.`);
}

/** Checks what came back from a person against the question's schema. Client data: never trusted. */
export function readAnswer<Schema extends z.ZodObject>(
  question: Question<Schema>,
  response: unknown,
): Answer<Schema> {
  const { action, content } = (response ?? {}) as { action?: unknown; content?: unknown };
  if (action === "decline") return { action: "decline" };
  if (action !== "accept") return { action: "cancel" };
  const parsed = question.schema.safeParse(content ?? {});
  if (!parsed.success) throw new ToolError("invalid_input", describeIssues(parsed.error));
  return { action: "accept", content: parsed.data };
}

/** The text of a sampling result; empty when the client sent something else. */
export function readSample(response: unknown): string {
  const { content } = (response ?? {}) as { content?: unknown };
  const blocks = Array.isArray(content) ? content : [content];
  return blocks
    .map((block: { text?: unknown } | undefined) => (typeof block?.text === "string" ? block.text : ""))
    .join("");
}
