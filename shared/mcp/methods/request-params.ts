import { z } from "zod";
import { JSON_RPC } from "../../call/protocol-fault.ts";
import type { JsonValue } from "../../encoding/json.ts";
import { describeIssues } from "../../server/schema.ts";
import { LOG_LEVELS } from "./log-level.ts";

const text = z.string();
const named = z.record(z.string(), z.unknown());
const strings = z.record(z.string(), z.string());
const page = z.looseObject({ cursor: text.optional() });
const subject = z.looseObject({ uri: text });

/** What the requests that clients send must bring; what they bring beside it is for their generation to judge. */
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

/**
 * The error (JSON-RPC 2.0 §5.1, -32602) for a request whose parameters are not of the right type, or `null`. Both SDKs
 * find the same, but call it an internal error and print what their validator said.
 */
export function findParamsFault(
  request: Record<string, unknown>,
): { jsonrpc: "2.0"; id: JsonValue; error: { code: number; message: string } } | null {
  const { id, method, params } = request;
  if ((typeof id !== "string" && typeof id !== "number") || typeof method !== "string") return null;
  const result = PARAMS.get(method)?.safeParse(params);
  if (result === undefined || result.success) return null;
  const message = `Invalid parameters of ${method}. ${describeIssues(result.error)}`;
  return { jsonrpc: "2.0", id, error: { code: JSON_RPC.invalidParams, message } };
}
