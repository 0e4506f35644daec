import { z } from "zod";
import type { ConnectionAttempt } from "../../../shared/audit/record.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import type { ForeignQuestion } from "../../../shared/objects/connection-gate.ts";
import { cleanLine, cleanText } from "../../../shared/text/clean-text.ts";
import { findAddressFault } from "../../../shared/upstream/outside-address.ts";
import { RefusedRequest } from "../connector.ts";

/** Field names and words of a form that asks for what belongs to no form (MCP, «Elicitation», security). */
const SECRET =
  /pass(?:word|wd|phrase|code)|\bpwd\b|secret|api[\s_-]?key|access[\s_-]?key|private[\s_-]?key|\btoken\b|credential|\bpin\b|\bcvv\b|\bcvc\b|card[\s_-]?number|one[\s_-]?time[\s_-]?code|\botp\b|\b2fa\b|\bmfa\b|verification[\s_-]?code|recovery[\s_-]?(?:code|phrase)|seed[\s_-]?phrase|\bssn\b|social[\s_-]?security|kennwort|passwor[td]|mot de passe|contrase[nñ]a|\bsenha\b|пароль|密[码碼]|パスワード|비밀번호/i;

/** Letters of other scripts, and digits, that people read as Latin ones. */
const LOOKS: Readonly<Record<string, string>> = {
  ...{ а: "a", е: "e", о: "o", р: "p", с: "c", ѕ: "s", у: "y", х: "x", і: "i", ԁ: "d", ԝ: "w" },
  ...{ 0: "o", 3: "e", 4: "a", $: "s", "@": "a" },
};

/** Whether a text names a secret, as it is written or as it looks. */
function namesSecret(text: string): boolean {
  const plain = text.normalize("NFKC");
  const seen = plain.replace(/[аеорсѕухіԁԝ034$@]/giu, (one) => LOOKS[one.toLowerCase()] ?? one);
  // Letters that are set apart: «p a s s w o r d».
  const joined = seen.replace(/(?<=\b\p{L})[ ._-](?=\p{L}\b)/gu, "");
  return [plain, seen, joined].some((one) => SECRET.test(one));
}

const elicitation = z.object({
  mode: z.enum(["form", "url"]).default("form"),
  message: z.string(),
  requestedSchema: z.record(z.string(), z.json()).optional(),
  url: z.string().optional(),
});

const text = z.object({ type: z.literal("text"), text: z.string() });
const media = z.object({
  type: z.enum(["image", "audio"]),
  data: z.string().max(2_000_000),
  mimeType: z.string(),
});
const block = z.union([text, media]);

const sampling = z.object({
  messages: z
    .array(
      z.object({ role: z.enum(["user", "assistant"]), content: z.union([block, z.array(block).max(20)]) }),
    )
    .min(1)
    .max(50),
  maxTokens: z.number().int().positive(),
  systemPrompt: z.string().optional(),
  temperature: z.number().optional(),
  stopSequences: z.array(z.string().max(200)).max(10).optional(),
});

/**
 * A server's question as it reaches the client: bounded, cleaned, with the server's name in front. Throws
 * {@link RefusedRequest} for one that asks for a secret in a form, leads to an address that is not public, or
 * has no known form. Of sampling the model gets the messages alone: no tools, and no context of other servers.
 */
export function readQuestion(
  title: string,
  method: ForeignQuestion["method"],
  params: Record<string, JsonValue>,
): ForeignQuestion {
  if (method === "roots/list") return { method, params: {} };
  if (method === "sampling/createMessage") {
    const { messages, maxTokens, systemPrompt, temperature, stopSequences } = parse(sampling, params);
    const from = `This request comes from ${title}, not from the user.`;
    return {
      method,
      params: {
        messages: messages as unknown as JsonValue,
        maxTokens: Math.min(maxTokens, 8_000),
        systemPrompt: cleanText(`${from} ${systemPrompt ?? ""}`, 8_000),
        ...(temperature !== undefined && { temperature }),
        ...(stopSequences !== undefined && { stopSequences }),
      },
    };
  }
  const { mode, message, requestedSchema, url } = parse(elicitation, params);
  const said = `${title} asks: ${cleanText(message, 2_000)}`;
  if (mode === "url") {
    const fault = url === undefined || !url.startsWith("https:") ? "it is not https" : findAddressFault(url);
    if (fault !== null)
      throw refuse(`${title} wants to send the person to an address, but ${fault}.`, "page");
    const { host } = new URL(url as string);
    return { method, params: { mode, message: `${said} The page is at ${host}.`, url: String(url) } };
  }
  const form = cleanForm(requestedSchema ?? { type: "object", properties: {} });
  const asked = findSecret(form, message);
  if (asked !== null) {
    throw refuse(
      `${title} asks the person for a secret (${asked}), which does not go through a form.`,
      "secret",
    );
  }
  return { method, params: { mode, message: said, requestedSchema: form } };
}

/** Words for people are cleaned and bounded; a form has at most 30 fields. */
function cleanForm(schema: Record<string, JsonValue>): Record<string, JsonValue> {
  if (JSON.stringify(schema).length > 20_000) throw refuse("A form is too large.");
  const visit = (value: JsonValue): JsonValue => {
    if (typeof value === "string") return cleanLine(value, 500);
    if (Array.isArray(value)) return value.slice(0, 200).map(visit);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, visit(inner)]));
  };
  return visit(schema) as Record<string, JsonValue>;
}

function findSecret(form: Record<string, JsonValue>, message: string): string | null {
  const fields = Object.entries((form.properties ?? {}) as Record<string, Record<string, JsonValue>>);
  for (const [name, field] of fields) {
    const words = [name.replace(/([a-z])([A-Z])/g, "$1 $2"), field?.title, field?.description, field?.format];
    if (words.some((word) => typeof word === "string" && namesSecret(word))) return cleanLine(name, 60);
  }
  const asksFor = /\b(?:enter|provide|type|paste|give|share|send|confirm|need)\b[^.!?]{0,60}/gi;
  const isTextField = fields.some(([, field]) => field?.type === "string" && field.enum === undefined);
  const titles = [form.title, form.description].filter((text) => typeof text === "string");
  const requests = isTextField ? [...(message.match(asksFor) ?? []), ...titles] : [];
  return requests.some(namesSecret) ? "its message says so" : null;
}

/** The client's answers by method, as the SDK expects them. */
export interface ClientAnswer {
  "elicitation/create": {
    action: "accept" | "decline" | "cancel";
    content?: Record<string, string | number | boolean | string[]>;
  };
  "sampling/createMessage": {
    role: "user" | "assistant";
    model: string;
    content: { type: "text"; text: string };
  };
  "roots/list": { roots: { uri: string; name?: string }[] };
}

const elicited = z.object({
  action: z.enum(["accept", "decline", "cancel"]),
  content: z
    .record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.array(z.string())]))
    .nullish(),
});

const sampled = z.looseObject({ role: z.enum(["user", "assistant"]), model: z.string(), content: z.json() });

const listed = z.object({
  roots: z
    .array(
      z.object({ uri: z.string().startsWith("file://").max(2_000), name: z.string().max(500).optional() }),
    )
    .max(100),
});

/** Reads the client's answer for the server: nothing but what the protocol names. Client data: never trusted. */
export function answerOfClient(method: ForeignQuestion["method"], answer: JsonValue): unknown {
  if (method === "elicitation/create") {
    const { action, content } = parse(elicited, answer);
    return { action, ...(action === "accept" && content != null && { content }) };
  }
  if (method === "roots/list") return parse(listed, answer);
  const { role, model, content } = parse(sampled, answer);
  return { role, model, content };
}

function parse<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const read = schema.safeParse(value);
  if (read.success) return read.data;
  throw refuse("A question between server and client has no valid form.");
}

function refuse(message: string, attempt: ConnectionAttempt = "question"): RefusedRequest {
  return new RefusedRequest({
    code: "forbidden",
    message,
    attempt,
    action: "Report this to an administrator; do not retry.",
  });
}
