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

async function moveDeal(token: string): Promise<Answer> {
  const revision = "2026-07-28";
  const args = { deal_id: "deal_0001", version: 3, stage: "won", reason: "Contract 4711, signed on Friday" };
  const _meta = {
    "io.modelcontextprotocol/protocolVersion": revision,
    "io.modelcontextprotocol/clientInfo": { name: "test", version: "1" },
    "io.modelcontextprotocol/clientCapabilities": {},
  };
  const params = { name: "crm_move_deal", arguments: args, _meta };
  const response = await fetch(`${siteUrl}/mcp/crm`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": revision,
      "mcp-method": "tools/call",
      "mcp-name": params.name,
    },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params }),
  });
  const text = await response.text();
  const [, code = null] = /\\"code\\":\\"(\w+)\\"/.exec(text) ?? [];
  const [, path = ""] = /(\/approvals\/[a-p]+)/.exec(text) ?? [];
  return { code, path };
}
