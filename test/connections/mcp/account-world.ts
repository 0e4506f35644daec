import { expect } from "vitest";
import type { McpEntry } from "../../../shared/connections/kinds/mcp.ts";
import { arrive } from "../../support/arrive.ts";
import type { TestBrowser } from "../../support/oauth.ts";
import { command, HOST, mcpEntryOf, publishEntries, type Reviewed } from "./gateway.ts";

/** Where an authorization server with its MCP server is; see `serveAuthorization`. */
export const world = (name: string) => `http://${HOST}/world-${name}`;
/** The entry of a connection to one of them. */
export const entryOf = (name: string) =>
  mcpEntryOf(`/world-${name}/mcp`, { auth: { type: "per_person" }, title: "Mine" }) as McpEntry;

/** Changes how one of them behaves. */
export const control = (name: string, change: object, path = "control") =>
  fetch(`${world(name)}/${path}`, { method: "POST", body: JSON.stringify(change) });
/** What happened there. */
export const stats = async (name: string) =>
  (await fetch(`${world(name)}/stats`)).json<{
    refreshes: number;
    reuses: number;
    revoked: number;
    tokens: string[];
    seen: string[];
    clients: string[];
    asked: string[];
  }>();

/** Whose token it is at the other system. */
export const userOf = async (name: string, token: string) => {
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call" });
  const sent = await fetch(`${world(name)}/mcp`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}` },
    body,
  });
  const { result } = await sent.json<{ result?: { content: [{ text: string }] } }>();
  return result?.content[0].text;
};

/** Goes through the other system's pages as a user there. Gives the last answer of Gatehouse. */
export async function connect(browser: TestBrowser, connection: string, user: string): Promise<Response> {
  const begun = await browser.post(`/connections/${connection}/connect`, {});
  if (begun.status !== 303) return begun;
  const away = new URL(begun.headers.get("location") ?? "");
  away.searchParams.set("as_user", user);
  const back = new URL((await fetch(away, { redirect: "manual" })).headers.get("location") ?? "");
  return await browser.get(back.pathname + back.search);
}

/**
 * Publishes connections with each person's own accounts: without definitions at first, because an administrator connects an
 * account, and reviews with it.
 */
export async function publishPersonal(names: readonly string[]): Promise<void> {
  const entries = Object.fromEntries(names.map((name) => [name, entryOf(name)]));
  await publishEntries(entries);
  const admin = await arrive("zoe");
  for (const name of names) {
    expect((await connect(admin, name, "zoe")).headers.get("location")).toBe("/connections?done=connected");
    const person = "zoe@people.example";
    const asked = { command: "review", connection: name, entry: entries[name], person };
    const { items } = await command<{ items: Reviewed[] }>(asked);
    const digests = items.map(({ digest }) => digest);
    await command({ command: "approve", connection: name, digests, by: "tests" });
  }
  await publishEntries(entries);
}
