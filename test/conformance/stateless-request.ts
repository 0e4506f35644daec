/** A JSON-RPC response from the wire. */
export interface WireAnswer {
  result?: Record<string, unknown> & { inputRequests?: Record<string, unknown> };
  error?: { code: number; message: string };
}

const REVISION = "2026-07-28";

/**
 * Sends one self-contained request of revision 2026-07-28 by hand, so that no SDK answers questions on its
 * own.
 */
export async function callStateless(
  url: string,
  method: string,
  params: Record<string, unknown>,
): Promise<WireAnswer> {
  const response = await fetch(url, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": REVISION,
      "mcp-method": method,
      "mcp-name": String(params.name ?? params.taskId),
    },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params: { ...params, _meta: ENVELOPE } }),
  });
  return (await response.json()) as WireAnswer;
}

const ENVELOPE = {
  "io.modelcontextprotocol/protocolVersion": REVISION,
  "io.modelcontextprotocol/clientInfo": { name: "test", version: "1" },
  "io.modelcontextprotocol/clientCapabilities": {
    ...{ elicitation: {}, sampling: {}, roots: {} },
    extensions: { "io.modelcontextprotocol/tasks": {} },
  },
};
