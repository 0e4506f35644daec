import { StreamableHTTPClientTransport as TransportV2 } from "@modelcontextprotocol/client";
import { StreamableHTTPClientTransport as TransportV1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { describe, expect, it } from "vitest";

const URL_OF_MCP = new URL("http://localhost:1/mcp");
const CALL = { jsonrpc: "2.0", id: 7, method: "tools/call", params: { name: "t", arguments: {} } } as const;
const RESULT = {
  jsonrpc: "2.0",
  id: 7,
  result: { isError: true, content: [{ type: "text", text: '{"error":{"code":"rate_limited"}}' }] },
};

const answerWith = (status: number) => async () =>
  Response.json(RESULT, { status, headers: { "retry-after": "7" } });

// The reason for status 200 of a call over its limit. Once the SDKs read the body of a 429, this fails and
// the lanes can use 429.
describe.each([
  ["1.32.2", (status: number) => new TransportV1(URL_OF_MCP, { fetch: answerWith(status) })],
  ["2.4.0", (status: number) => new TransportV2(URL_OF_MCP, { fetch: answerWith(status) })],
])("SDK %s", (_version, open) => {
  it.each([
    [200, true],
    [429, false],
  ])("given a tool result with status %i, hands it to the client: %s", async (status, read) => {
    const transport = open(status);
    const messages: unknown[] = [];
    transport.onmessage = (message: unknown) => void messages.push(message);
    await transport.start();
    const failure = await transport.send(CALL).then(
      () => null,
      (error: unknown) => String(error),
    );
    expect(messages).toEqual(read ? [RESULT] : []);
    if (read) expect(failure).toBeNull();
    else expect(failure).toContain("Error POSTing to endpoint");
  });
});
