import fc from "fast-check";
import type { Generation } from "../../demo/session.ts";

/** A valid message, from which hostile ones are derived. */
export interface Message {
  method: string;
  params: Record<string, unknown>;
}

/**
 * Read-only calls over all three servers: lists and everything that takes free input. They change no data.
 */
const CALLS: readonly Message[] = [
  { method: "ping", params: {} },
  {
    method: "initialize",
    params: {
      protocolVersion: "2025-11-25",
      capabilities: { elicitation: {} },
      clientInfo: { name: "hostile", version: "1" },
    },
  },
  { method: "tools/list", params: {} },
  { method: "resources/list", params: { cursor: "cDoxMDA" } },
  { method: "prompts/list", params: {} },
  { method: "logging/setLevel", params: { level: "info" } },
  { method: "server/discover", params: {} },
  { method: "tools/call", params: { name: "crm_find_contacts", arguments: { query: "Ada" } } },
  { method: "tools/call", params: { name: "crm_list_deals", arguments: { min_amount: 1000, limit: 3 } } },
  { method: "tools/call", params: { name: "crm_get_customer", arguments: { customer: "Acme" } } },
  { method: "tools/call", params: { name: "analytics_query", arguments: { metrics: ["revenue"] } } },
  { method: "tools/call", params: { name: "analytics_sql", arguments: { statement: "SELECT 1" } } },
  { method: "tools/call", params: { name: "search", arguments: { query: "refund" } } },
  { method: "tools/call", params: { name: "fetch", arguments: { id: "refund-policy" } } },
  { method: "tools/call", params: { name: "context_set", arguments: { note: "a note" } } },
  { method: "tools/call", params: { name: "context_get", arguments: {} } },
  { method: "resources/read", params: { uri: "crm://companies/1" } },
  { method: "resources/read", params: { uri: "kb://articles/refund-policy" } },
  { method: "resources/subscribe", params: { uri: "analytics://metrics" } },
  { method: "resources/unsubscribe", params: { uri: "analytics://metrics" } },
  { method: "subscriptions/listen", params: { notifications: { toolsListChanged: true } } },
  { method: "tasks/get", params: { taskId: "1" } },
  { method: "prompts/get", params: { name: "crm_review_pipeline", arguments: { owner: "me" } } },
  {
    method: "completion/complete",
    params: {
      ref: { type: "ref/prompt", name: "crm_review_pipeline" },
      argument: { name: "owner", value: "a" },
    },
  },
  {
    method: "completion/complete",
    params: {
      ref: { type: "ref/resource", uri: "kb://articles/{slug}#{section}" },
      argument: { name: "section", value: "" },
      context: { arguments: { slug: "refund-policy" } },
    },
  },
];

/** One of the calls. */
export const call: fc.Arbitrary<Message> = fc.constantFrom(...CALLS);

const ENVELOPE = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientInfo": { name: "hostile", version: "1" },
  "io.modelcontextprotocol/clientCapabilities": { elicitation: {} },
};

/** The JSON-RPC request of a call in one generation. */
export function toRequest(
  lane: Generation,
  { method, params }: Message,
  id: unknown,
): Record<string, unknown> {
  const meta = lane === "stateless" ? { _meta: ENVELOPE } : {};
  return { jsonrpc: "2.0", id, method, params: { ...params, ...meta } };
}

/** The headers that belong to a call in one generation (2026-07-28 names method and subject in headers). */
export function headersOf(lane: Generation, { method, params }: Message): Record<string, string> {
  if (lane === "sessionful") return { "mcp-protocol-version": "2025-11-25" };
  const subject = params.name ?? params.uri;
  return {
    "mcp-protocol-version": "2026-07-28",
    "mcp-method": method,
    ...(typeof subject === "string" && { "mcp-name": subject }),
  };
}
