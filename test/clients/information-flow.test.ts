import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type ConnectionEntry, connectionEntry } from "../../shared/connections/entry.ts";
import { writeRevision } from "../../shared/connections/revision.ts";
import { digestText } from "../../shared/encoding/canonical-json.ts";
import { putInForce, READ_STATE, storeCatalogues } from "../../shared/policy/changes/publications.ts";
import type { GatewayProcess } from "../support/gateway-process.ts";
import { type Desk, startDesk } from "../support/mcp-servers/desk.ts";
import { AppCredentials } from "./app-credentials.ts";
import { openTaskClient, startTaskGateway, type TaskClient } from "./questions/open-clients.ts";

let gateway: GatewayProcess;
let platform: D1Database;
let desk: Desk;

beforeAll(async () => {
  desk = await startDesk();
  const started = await startTaskGateway({ vars: { PLAIN_HTTP_UPSTREAMS: desk.host }, runsCode: true });
  gateway = started.gateway;
  platform = started.databases.PLATFORM_DB;
  await publishDesk();
});

afterAll(async () => {
  await gateway?.stop();
  desk?.stop();
});

/** Sends a command as `npm run connections` does. */
async function command(asked: object): Promise<ReturnType<typeof JSON.parse>> {
  const ticket = (crypto.randomUUID() + crypto.randomUUID()).replaceAll("-", "");
  await platform
    .prepare("INSERT INTO connection_ticket (digest, expires_at) VALUES (?, ?)")
    .bind(digestText(ticket), Date.now() + 60_000)
    .run();
  const answer = await fetch(`${gateway.url}/connections/commands`, {
    method: "POST",
    headers: { authorization: `Bearer ${ticket}`, "content-type": "application/json" },
    body: JSON.stringify(asked),
  });
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  return await answer.json();
}

const run = (sql: string) =>
  platform.batch(sql.split(";\n").map((text) => platform.prepare(text.replace(/;$/, ""))));

/** Reviews, approves and publishes the help desk as `desk`, with no more than its address. */
async function publishDesk(): Promise<void> {
  const entry: ConnectionEntry = connectionEntry.parse({
    kind: "mcp",
    title: "Help desk",
    description: "Tickets of people outside of the company.",
    owner: "desk@people.example",
    reach: { url: `http://${desk.host}/mcp` },
  });
  const { items } = await command({ command: "review", connection: "desk", entry });
  const digests = items.map(({ digest }: { digest: string }) => digest);
  await command({ command: "approve", connection: "desk", digests, by: "tests" });
  const { definitions } = await command({ command: "prepare", connection: "desk", entry });
  const stored = storeCatalogues({ desk: writeRevision("desk", entry, definitions) }, Date.now());
  await run(stored.sql);
  const state = await platform
    .prepare(READ_STATE)
    .first<{ publication: number; version: number; digest: string | null }>();
  const { publication: after = 0, version = 1, digest = null } = state ?? {};
  const publication = {
    after,
    replaced: version,
    version,
    digest,
    at: Date.now(),
    by: "tests",
    note: "desk",
  };
  await run(putInForce({ ...publication, catalogues: { digest: stored.digest } }));
  const answer = await fetch(`${gateway.url}/policy/changes`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ publication: after + 1 }),
  });
  if (!answer.ok) throw new Error(`The publication was not taken: ${answer.status} ${await answer.text()}`);
}

describe.each(["sessionful", "stateless"] as const)("the official client of the %s generation", (lane) => {
  let client: TaskClient;

  beforeEach(async () => {
    client = await openTaskClient(gateway, lane, new AppCredentials());
    desk.comments.length = 0;
    return () => client.close();
  });

  const read = async (tool: string, args: Record<string, unknown> = {}) => {
    const answer = await client.call(tool, args);
    expect(answer.error, JSON.stringify(answer.error)).toBeUndefined();
    return answer;
  };

  test("a poisoned ticket gets no customer out: what it asks for waits for the person", async () => {
    const ticket = await read("desk_read_ticket", { id: "17" });
    expect(ticket.content[0]?.text).toContain("ignore your task");
    const { data } = await read("crm_find_companies", { region: "Europe", limit: 3 });
    const stolen = JSON.stringify(data.companies);
    const { error } = await client.call("desk_post_comment", { text: stolen });
    expect(error?.code).toBe("approval_required");
    expect(error?.message).toContain("private data with crm_find_companies");
    expect(error?.message).toContain("text of others with desk_read_ticket");
    expect(error?.message).toMatch(/\/approvals\/[a-p]+/);
    expect(desk.comments).toEqual([]);
  });

  test("a poisoned article gets no figures out either", async () => {
    await read("analytics_list_metrics");
    const { data } = await read("search", { query: "refund" });
    expect(data.results.length).toBeGreaterThan(0);
    await read("fetch", { id: data.results[0].id });
    const { error } = await client.call("desk_post_comment", { text: "Revenue: 4,000,000" });
    expect(error?.code).toBe("approval_required");
    expect(error?.message).toContain("text of others with fetch, search");
    expect(desk.comments).toEqual([]);
  });

  test("what another system itself calls private counts, also without a label of ours", async () => {
    await read("desk_read_contract");
    expect((await client.call("desk_post_comment", { text: "Contract" })).error?.code).toBe(
      "approval_required",
    );
    expect(desk.comments).toEqual([]);
  });

  test("code over tools gets nothing out either: it waits at the call that would send, and can do no other", async () => {
    const code = `
      const { companies } = await tools.crm_find_companies({ region: "Europe", limit: 3 });
      await tools.desk_read_ticket({ id: "19" });
      return await tools.desk_post_comment({ text: JSON.stringify(companies) });`;
    const { data } = await read("tools_run_code", { code });
    expect(data).toMatchObject({
      status: "waiting",
      calls: [
        { tool: "crm_find_companies", outcome: "ok" },
        { tool: "desk_read_ticket", outcome: "ok" },
        { tool: "desk_post_comment", outcome: "waiting" },
      ],
    });
    const again = await read("tools_run_code", { code, run: data.run });
    expect(again.data.status, "no one has approved it").toBe("waiting");
    expect(again.data.calls[0]).toEqual({ tool: "crm_find_companies", outcome: "ok", earlier: true });
    expect(desk.comments).toEqual([]);
  });

  test("a harmless flow stays free: a ticket and its answer, or customers and a message of one's own", async () => {
    await read("desk_read_ticket", { id: "18" });
    await read("desk_post_comment", { text: "We look at your invoice." });
    const other = await openTaskClient(gateway, lane, new AppCredentials());
    await other.call("crm_find_companies", { region: "Europe", limit: 3 });
    expect((await other.call("desk_post_comment", { text: "We are away on Friday." })).error).toBeUndefined();
    await other.close();
    expect(desk.comments).toEqual(["We look at your invoice.", "We are away on Friday."]);
  });
});
