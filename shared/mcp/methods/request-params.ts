import { z } from "zod";
import { JSON_RPC, jsonRpcError } from "../../call/protocol-fault.ts";
import type { JsonValue } from "../../encoding/json.ts";
import { describeIssues } from "../../server/schema.ts";
import { cutText, findHalfCharacter } from "../../text/well-formed.ts";
import { mayHoldHalves } from "../http/request-body.ts";
import { LOG_LEVELS } from "./log-level.ts";

const text = z.string();
const named = z.record(z.string(), z.unknown());
const strings = z.record(z.string(), z.string());
const page = z.looseObject({ cursor: text.optional() });
const subject = z.looseObject({ uri: text });
const event = z.looseObject({
  name: text,
  arguments: named.optional(),
  cursor: text.optional(),
  maxAgeMs: z.int().min(0).optional(),
});

/** Required parameters of each request; the protocol generation checks all others. */
const PARAMS: ReadonlyMap<string, z.ZodType> = new Map<string, z.ZodType>([
  [
    "initialize",
    z.looseObject({
      protocolVersion: text,
      capabilities: named,
      clientInfo: z.looseObject({ name: text, version: text }),
    }),
  ],
  ["logging/setLevel", z.looseObject({ level: z.enum(LOG_LEVELS) })],
  ["tools/list", page.optional()],
  ["prompts/list", page.optional()],
  ["resources/list", page.optional()],
  ["resources/templates/list", page.optional()],
  ["tools/call", z.looseObject({ name: text, arguments: named.optional() })],
  ["prompts/get", z.looseObject({ name: text, arguments: strings.optional() })],
  ["events/list", page.optional()],
  [
    "events/subscribe",
    event.extend({
      delivery: z.looseObject({ url: text, secret: text.optional() }),
      ttlMs: z.int().min(1).optional(),
    }),
  ],
  ["events/stream", event],
  ["events/unsubscribe", event.extend({ delivery: z.looseObject({ url: text }) })],
  ["events/poll", event.extend({ maxEvents: z.int().min(1).optional() })],
  ["resources/read", subject],
  ["resources/subscribe", subject],
  ["resources/unsubscribe", subject],
  [
    "completion/complete",
    z.looseObject({
      ref: z.union([
        z.looseObject({ type: z.literal("ref/prompt"), name: text }),
        z.looseObject({ type: z.literal("ref/resource"), uri: text }),
      ]),
      argument: z.looseObject({ name: text, value: text }),
      context: z.looseObject({ arguments: strings.optional() }).optional(),
    }),
  ],
]);

/** Methods whose arguments are checked by their handler, with errors written for a model. */
const OWN_ARGUMENTS = ["tools/call", "prompts/get"];

/**
 * The error for a message with a lone surrogate, which no store could keep: -32602 for a request, HTTP 400
 * for anything else. No part of such a message is executed.
 */
export function findTextFault({
  body,
  text,
}: {
  body: Readonly<Record<string, unknown>>;
  text: string;
}): Response | undefined {
  if (!mayHoldHalves(text)) return undefined;
  const { id, method, params } = body;
  const own = OWN_ARGUMENTS.includes(String(method)) && typeof params === "object" && params !== null;
  const broken = findHalfCharacter(own ? { ...body, params: { ...params, arguments: null } } : body);
  if (broken === null) return undefined;
  const message = `Half of a character (a surrogate without its pair) is no text: ${cutText(broken, 200) || "message"}.`;
  if (typeof method !== "string" || (typeof id !== "string" && !Number.isSafeInteger(id))) {
    return jsonRpcError(400, JSON_RPC.invalidRequest, message);
  }
  return jsonRpcError(200, JSON_RPC.invalidParams, message, undefined, id as JsonValue);
}

/**
 * The error (JSON-RPC 2.0 §5.1, -32602) for a request whose parameters have the wrong type, or `null`. Both
 * SDKs report these as an internal error and include their validator's message.
 */
export function findParamsFault(
  request: Readonly<Record<string, unknown>>,
): { jsonrpc: "2.0"; id: JsonValue; error: { code: number; message: string } } | null {
  const { id, method, params } = request;
  if ((typeof id !== "string" && typeof id !== "number") || typeof method !== "string") return null;
  const result = PARAMS.get(method)?.safeParse(params);
  if (result === undefined || result.success) return null;
  const message = `Invalid parameters of ${method}. ${describeIssues(result.error)}`;
  return { jsonrpc: "2.0", id, error: { code: JSON_RPC.invalidParams, message } };
}
