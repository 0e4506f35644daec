import type { Page } from "playwright-core";
import { inject } from "vitest";
import { arriveAt, type Client, signIn } from "./walk.ts";

const siteUrl = inject("siteUrl");

/** Result of a call of the tests' app. */
export interface Answer {
  code: string | null;
  /** Path of the approval page, if the result names one. */
  path: string;
}

/**
 * Connects an app of the demonstration's salesperson and signs out again. Returns a call that needs approval.
 */
export async function connectSeller(page: Page, client: Client): Promise<() => Promise<Answer>> {
  await page.goto(client.authorizeUrl({ resource: "/mcp/crm", scope: "crm:read crm:write" }));
  await signIn(page, "sales");
  await page.getByRole("button", { name: "Allow" }).click();
  await arriveAt(page, "Back at the client");
  const { access_token: token } = await client.takeToken();
  await page.context().clearCookies();
  return () => moveDeal(token);
}

/** A listed deal from whose stage one can win it. */
const WINNABLE = /"id":"(deal_[^"]+)"[^{}]*"stage":"(?:proposal|negotiation)"[^{}]*"version":(\d+)/;

/** Moves the largest deal that can be won. The tool refuses every other before it asks. */
async function moveDeal(token: string): Promise<Answer> {
  const listed = await callTool(token, "crm_list_deals", { limit: 50 });
  const [, deal_id = "", version = "0"] = WINNABLE.exec(listed) ?? [];
  const text = await callTool(token, "crm_move_deal", {
    ...{ deal_id, version: Number(version), stage: "won", reason: "Contract 4711, signed on Friday" },
  });
  const [, code = null] = /"code":"(\w+)"/.exec(text) ?? [];
  const [, path = ""] = /(\/approvals\/[a-p]+)/.exec(text) ?? [];
  return { code, path };
}

/** Calls a tool in one stateless request. Returns the text of its answer, without the escapes of JSON in JSON. */
async function callTool(token: string, name: string, args: Record<string, unknown>): Promise<string> {
  const revision = "2026-07-28";
  const _meta = {
    "io.modelcontextprotocol/protocolVersion": revision,
    "io.modelcontextprotocol/clientInfo": { name: "test", version: "1" },
    "io.modelcontextprotocol/clientCapabilities": {},
  };
  const params = { name, arguments: args, _meta };
  const response = await fetch(`${siteUrl}/mcp/crm`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": revision,
      "mcp-method": "tools/call",
      "mcp-name": name,
    },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params }),
  });
  return (await response.text()).replaceAll('\\"', '"');
}
