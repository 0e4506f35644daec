import type { Page } from "playwright-core";
import { inject } from "vitest";
import { arriveAt, type Client, signIn } from "./walk.ts";

const siteUrl = inject("siteUrl");

/** Result of a call of the tests' app. */
export interface Answer {
  code: string | null;
  /** Path of the approval page, if the result names one. */
  path: string;
  /** The deal that the call wins. */
  dealId: string;
}

/**
 * Connects an app of the demonstration's salesperson and signs out again. Returns a call that needs approval.
 */
export async function connectSeller(page: Page, client: Client): Promise<() => Promise<Answer>> {
  const token = await connectApp(page, client, "sales", "crm:read crm:write");
  const dealId = await addWinnableDeal(token);
  return () => winDeal(token, dealId);
}

/** Connects an app of a demonstration's person to a server, and signs out again. Returns its token. */
export async function connectApp(
  page: Page,
  client: Client,
  role: string,
  scope: string,
  server = "crm",
): Promise<string> {
  await page.goto(client.authorizeUrl({ resource: `/mcp/${server}`, scope }));
  await signIn(page, role);
  await page.getByRole("button", { name: "Allow" }).click();
  await arriveAt(page, "Back at the client");
  const { access_token: token } = await client.takeToken();
  await page.context().clearCookies();
  return token;
}

/** Brings a new deal of the demonstration's salesperson to a stage from which one can win it. */
async function addWinnableDeal(token: string): Promise<string> {
  const name = `Acme ${crypto.randomUUID()}`;
  const company_id = readId(await callTool(token, "crm_create_company", { name }), "cmp");
  const deal = { name, company_id, amount: 4711, expected_close: "2030-01-31" };
  const deal_id = readId(await callTool(token, "crm_create_deal", deal), "deal");
  await callTool(token, "crm_move_deal", { deal_id, version: 1, stage: "qualified" });
  await callTool(token, "crm_move_deal", { deal_id, version: 2, stage: "proposal" });
  return deal_id;
}

async function winDeal(token: string, dealId: string): Promise<Answer> {
  const text = await callTool(token, "crm_move_deal", {
    ...{ deal_id: dealId, version: 3, stage: "won", reason: "Contract 4711, signed on Friday" },
  });
  const [, code = null] = /"code":"(\w+)"/.exec(text) ?? [];
  const [, path = ""] = /(\/approvals\/[a-p]+)/.exec(text) ?? [];
  return { code, path, dealId };
}

/** The id of the record that an answer shows. */
function readId(answer: string, prefix: string): string {
  const [, id] = new RegExp(`"id":"(${prefix}_[^"]+)"`).exec(answer) ?? [];
  if (id === undefined) throw new Error(`No id that begins with ${prefix}_ in ${answer.slice(0, 500)}`);
  return id;
}

/** Where a call goes, and what its app can do. */
interface CallOptions {
  server?: string;
  capabilities?: Readonly<Record<string, object>>;
}

/** Calls a tool in one stateless request. Returns the text of its answer, without the escapes of JSON in JSON. */
export async function callTool(
  token: string,
  name: string,
  args: Record<string, unknown>,
  options: CallOptions = {},
): Promise<string> {
  return await ask(token, { method: "tools/call", name, arguments: args }, options);
}

/** The tools of a server, as {@link callTool} returns an answer. */
export async function listTools(token: string, options: CallOptions): Promise<string> {
  return await ask(token, { method: "tools/list" }, options);
}

async function ask(
  token: string,
  { method, ...asked }: { method: string; name?: string; arguments?: Record<string, unknown> },
  { server = "crm", capabilities = {} }: CallOptions,
): Promise<string> {
  const revision = "2026-07-28";
  const _meta = {
    "io.modelcontextprotocol/protocolVersion": revision,
    "io.modelcontextprotocol/clientInfo": { name: "test", version: "1" },
    "io.modelcontextprotocol/clientCapabilities": capabilities,
  };
  const response = await fetch(`${siteUrl}/mcp/${server}`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": revision,
      "mcp-method": method,
      ...(asked.name !== undefined && { "mcp-name": asked.name }),
    },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params: { ...asked, _meta } }),
  });
  return (await response.text()).replaceAll('\\"', '"');
}
