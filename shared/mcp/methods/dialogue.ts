import { z } from "zod";
import type { ClientAbilities } from "../../call/client-abilities.ts";
import { elicitsOf } from "../../call/client-abilities.ts";
import type { Inquiry } from "../../call/input-needed.ts";
import { JSON_RPC, ProtocolFault } from "../../call/protocol-fault.ts";
import type { Answer, Question } from "../../call/question.ts";
import { ToolError } from "../../call/tool-error.ts";
import type { JsonValue } from "../../encoding/json.ts";
import type { PageVisit } from "../../guard/request-context.ts";
import { forgiveArguments } from "../../server/forgive-arguments.ts";
import { describeIssues, type JsonSchema } from "../../server/schema.ts";

/** Milliseconds that a person has to answer while the call waits. */
export const ANSWER_TIMEOUT_MS = 5 * 60_000;

/**
 * `elicitation/create` in URL mode for a page; only revision 2025-11-25 gives it an id. For a client with
 * form mode only, the address is part of the text above a form and is not clickable.
 */
export function inquireVisit(
  { id, key, message, url }: PageVisit,
  elicits: { form: boolean; url: boolean },
  named: boolean,
): Inquiry {
  const common = { key, method: "elicitation/create" } as const;
  if (elicits.url) {
    return { ...common, params: { mode: "url", message, url, ...(named && { elicitationId: id }) } };
  }
  const text = `${message} Open this page in your browser, and come back when you have answered there: ${url}`;
  const requestedSchema = formSchemaOf(
    z.object({ done: z.boolean().meta({ title: "I have answered there" }) }),
  );
  return { ...common, params: { mode: "form", message: text, requestedSchema } };
}

/** Reads the client's answer to a page visit. Client data: never trusted. Throws `invalid_input`. */
export function readVisit(response: unknown): "accept" | "decline" | "cancel" {
  return readElicitation(response).action;
}

type Asked = Pick<Inquiry, "method" | "params">;

/**
 * A question as `elicitation/create` in form or URL mode, or as `roots/list` (MCP 2025-11-25 and 2026-07-28).
 * Only revision 2025-11-25 gives a page an id.
 */
export function inquire({ key, message, schema, answeredBy, url, about }: Question, named = false): Inquiry {
  const common = { ...(key !== undefined && { key }), ...(about !== undefined && { about }) };
  if (answeredBy === "client") return { ...common, method: "roots/list", params: {} };
  const params: Inquiry["params"] =
    url === undefined
      ? { mode: "form", message, requestedSchema: formSchemaOf(schema) }
      : { mode: "url", message, url, ...(named && { elicitationId: crypto.randomUUID() }) };
  return { ...common, method: "elicitation/create", params };
}

/** A prompt for the client's model as `sampling/createMessage`. */
export function inquireSample(
  prompt: string,
  options: { maxTokens?: number; system?: string } = {},
): Inquiry {
  const params = {
    messages: [{ role: "user", content: { type: "text", text: prompt } }],
    maxTokens: options.maxTokens ?? 1_000,
    ...(options.system !== undefined && { systemPrompt: options.system }),
  };
  return { method: "sampling/createMessage", params };
}

/**
 * Throws `client_unsupported` naming the capability that the client did not declare, such as
 * `elicitation.url`.
 */
export function requireAbility(abilities: ClientAbilities | undefined, request: Asked): void {
  if (isAble(abilities, request)) return;
  const text = `This tool needs a client with the "${nameOf(neededFor(request))}" capability.`;
  throw new ToolError("client_unsupported", text);
}

/** The capability that a request to the client needs, as a client declares it. */
function neededFor({ method, params }: Asked): ClientAbilities {
  if (method === "roots/list") return { roots: {} };
  if (method === "sampling/createMessage") return { sampling: {} };
  return { elicitation: params.mode === "url" ? { url: {} } : { form: {} } };
}

/**
 * Throws -32021 with the capability that the client must declare (MCP 2026-07-28,
 * `MissingRequiredClientCapability`).
 */
export function requireInquirable(abilities: ClientAbilities, request: Asked): void {
  if (isAble(abilities, request)) return;
  const needed = neededFor(request);
  const text = `This call needs a client with the "${nameOf(needed)}" capability.`;
  throw new ProtocolFault(JSON_RPC.missingCapability, text, { requiredCapabilities: needed });
}

function isAble(abilities: ClientAbilities | undefined, { method, params }: Asked): boolean {
  if (method === "elicitation/create") return elicitsOf(abilities)[params.mode === "url" ? "url" : "form"];
  return abilities?.[method === "roots/list" ? "roots" : "sampling"] !== undefined;
}

/** A capability in dot notation: `elicitation.url`. */
function nameOf(needed: ClientAbilities): string {
  return Object.entries(needed)
    .map(([ability, modes]) => [ability, ...Object.keys(modes as object)].join("."))
    .join();
}

/**
 * Validates an answer against the question's schema. Client data: never trusted. Throws `invalid_input` if it
 * does not match.
 */
export function readAnswer<Schema extends z.ZodObject>(
  question: Question<Schema>,
  response: unknown,
): Answer<Schema> {
  const byClient = question.answeredBy === "client";
  const { action, content } = byClient
    ? { action: "accept" as const, content: response }
    : readElicitation(response);
  if (action !== "accept") return { action };
  const parsed = question.schema.safeParse(
    forgiveArguments(question.schema, (content ?? {}) as Record<string, unknown>),
  );
  if (!parsed.success) throw new ToolError("invalid_input", describeIssues(parsed.error));
  return { action, content: parsed.data };
}

/** The text of a sampling result, without pictures and sound. Throws `invalid_input` for anything else. */
export function readSample(response: unknown): string {
  const { content } = z.object({ content: z.unknown() }).safeParse(response).data ?? {};
  const parsed = z.array(z.looseObject({ type: z.string() })).safeParse([content].flat());
  if (!parsed.success) throw new ToolError("invalid_input", "The client's model gave no answer.");
  return parsed.data.map(({ text }) => (typeof text === "string" ? text : "")).join("");
}

const ELICITATION = z.object({
  action: z.enum(["accept", "decline", "cancel"]),
  content: z.record(z.string(), z.unknown()).nullish(),
});

function readElicitation(response: unknown): z.output<typeof ELICITATION> {
  const parsed = ELICITATION.safeParse(response);
  if (parsed.success) return parsed.data;
  throw new ToolError("invalid_input", "The client's answer does not match the form.");
}

/** JSON Schema of a form: fields that the user may omit are optional, and choices carry their labels. */
function formSchemaOf(form: z.ZodObject): JsonSchema {
  const {
    $schema: _dialect,
    additionalProperties: _closed,
    ...schema
  } = z.toJSONSchema(form, { io: "input" });
  const properties = Object.entries(schema.properties ?? {}) as [string, JsonSchema][];
  const titled = properties.map(([name, field]) => [name, withTitles(field)] as const);
  return { ...(schema as JsonSchema), properties: Object.fromEntries(titled) };
}

/**
 * SEP-1330: labelled choices are `oneOf` for a single choice and `anyOf` on the items of a multiple choice.
 */
function withTitles({ titles, ...field }: JsonSchema): JsonSchema {
  if (field.type === "array") {
    const { titles: itemTitles, enum: values, type: _string, ...items } = field.items as JsonSchema;
    if (itemTitles === undefined) return field;
    return { ...field, items: { ...items, anyOf: titledChoices(values, itemTitles) } };
  }
  if (titles === undefined) return field;
  const { enum: values, ...rest } = field;
  return { ...rest, oneOf: titledChoices(values, titles) };
}

function titledChoices(values: JsonValue | undefined, titles: JsonValue): JsonValue[] {
  const known = titles as Record<string, JsonValue>;
  return (values as string[]).map((value) => ({ const: value, title: known[value] ?? value }));
}
