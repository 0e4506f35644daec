import { type Experimental_MCPEvent, experimental_createMCPEventWebhook } from "@ai-sdk/mcp";
import { ResourceUpdatedNotificationSchema } from "@modelcontextprotocol/sdk/types.js";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { GatewayProcess } from "../support/gateway-process.ts";
import { startDemoGateway } from "./demo-gateway.ts";
import { EventStore, serveWebhook } from "./event-webhook.ts";
import { doTheJob } from "./job.ts";
import { PROGRAMS } from "./matrix.ts";
import { connectAiSdk } from "./programs/ai-sdk.ts";
import { connectSdkV1 } from "./programs/official-sdks.ts";
import { readStructured } from "./read-answers.ts";
import { describeProof, type Proof, readTable, renderTable, writeTable } from "./readme-table.ts";
import { addServiceAccounts, listConnections, type ServiceAccounts } from "./service-accounts.ts";
import { watchFront } from "./witness.ts";

let gateway: GatewayProcess;
let accounts: ServiceAccounts;
const proofs: Proof[] = [];

beforeAll(async () => {
  gateway = await startDemoGateway(async ({ PLATFORM_DB }) => {
    accounts = await addServiceAccounts(PLATFORM_DB);
  });
});

afterAll(() => gateway?.stop());

describe("a real client", () => {
  test.each(PROGRAMS.map((program) => ({ program, name: program.name })))(
    "$name registers, signs its person in and does the whole job",
    async ({ program }) => {
      const sightings = watchFront(gateway.front);
      const client = await program.open(`${gateway.url}/mcp`);
      try {
        const { requests } = sightings();
        for (const step of [
          "GET /.well-known/oauth-protected-resource/mcp",
          "GET /.well-known/oauth-authorization-server",
          "POST /oauth/register",
          "GET /authorize",
          "POST /oauth/token",
        ]) {
          expect(requests).toContain(step);
        }
        await doTheJob(client);
        const { revision, session } = sightings();
        expect({ revision, session }).toEqual({
          revision: program.revision,
          session: program.revision === "2025-11-25",
        });
        proofs.push(await describeProof(program, client));
      } finally {
        await client.close();
      }
    },
  );

  test("is in the README's table with its version and its proven features", async () => {
    const table = renderTable(proofs);
    if (process.env.GATEHOUSE_WRITE_CLIENTS === "1") await writeTable(table);
    expect(await readTable(), "Rewrite the table with: npm run clients").toBe(table);
  });
});

test("the official SDKs connect service accounts with the client-credentials extension, by secret and signature", async () => {
  for (const { name, open } of listConnections(`${gateway.url}/mcp`, accounts)) {
    const sightings = watchFront(gateway.front);
    const client = await open();
    const tools = (await client.listTools()).tools.map((tool) => tool.name);
    expect(tools, name).toEqual(expect.arrayContaining(["crm_list_deals", "search"]));
    const { requests } = sightings();
    expect(requests, name).toContain("POST /oauth/token");
    for (const step of ["POST /oauth/register", "GET /authorize"]) expect(requests, name).not.toContain(step);
    await client.close();
  }
});

describe("a session of the official SDK v1", () => {
  let session: Awaited<ReturnType<typeof connectSdkV1>>;

  beforeAll(async () => {
    session = await connectSdkV1(`${gateway.url}/mcp`);
  });

  afterAll(() => session?.client.close());

  test("is notified when an article that it watches is changed in it, and of nothing else", async () => {
    const { client } = session;
    const updates: string[] = [];
    client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => {
      updates.push(params.uri);
    });
    const saved = readStructured(
      await client.callTool({
        name: "knowledge_save_article",
        arguments: { title: "Watched article", body: "First words.", collection: "handbook" },
      }),
    ) as { id: string; version: number };
    const uri = `kb://articles/${saved.id}`;
    const update = (expected_version: number, body: string) =>
      client.callTool({
        name: "knowledge_update_article",
        arguments: { id: saved.id, expected_version, body, change_note: "A test." },
      });

    await client.subscribeResource({ uri });
    await client.callTool({ name: "context_set", arguments: { note: "changes no article" } });
    expect(updates).toEqual([]);
    await update(1, "Second words.");
    // Once by its own call, and possibly once more by the notification to all subscribers.
    expect(new Set(updates)).toEqual(new Set([uri]));
    await client.unsubscribeResource({ uri });
    const heard = updates.length;
    await update(2, "Third words.");
    expect(updates.length - heard).toBeLessThanOrEqual(1);
  });

  test("cannot watch what it cannot read", async () => {
    const watching = session.client.subscribeResource({ uri: "kb://articles/no-such-article" });
    await expect(watching).rejects.toMatchObject({ code: -32002 });
  });
});

describe("the events of the AI SDK", () => {
  test("reach its webhook once each, verified and signed, and end where it unsubscribes", async () => {
    const store = new EventStore();
    const events: Experimental_MCPEvent[] = [];
    const failures: unknown[] = [];
    const receiver = await serveWebhook(
      experimental_createMCPEventWebhook({
        store,
        onEvent: async ({ event }) => void events.push(event),
        onError: (failure) => failures.push(failure),
      }),
    );
    const client = await connectAiSdk(`${gateway.url}/mcp/crm`, store);
    try {
      const listed = await client.experimental_events.list();
      expect(listed.events.map(({ name }) => name)).toContain("crm_deal_stage_changed");
      const subscribed = await client.experimental_events.subscribe({
        name: "crm_deal_stage_changed",
        arguments: { stage: "qualified" },
        delivery: { mode: "webhook", url: receiver.url, allowInsecureLocalhost: true },
      });
      const call = async (name: string, args: Record<string, unknown>) => {
        const tool = (await client.tools())[name];
        const result = await tool?.execute(args, { toolCallId: "1", messages: [], context: {} });
        return readStructured(result as Record<string, unknown>) as Record<string, { id: string }>;
      };
      const { company } = await call("crm_create_company", { name: "Events of the AI SDK" });
      const { deal } = await call("crm_create_deal", {
        name: "First",
        company_id: company?.id,
        amount: 100,
        expected_close: "2027-01-31",
      });
      await call("crm_move_deal", { deal_id: deal?.id, stage: "qualified", version: 1 });
      await vi.waitFor(() => expect(events).toHaveLength(1), { timeout: 30_000, interval: 100 });
      expect(events[0]).toMatchObject({
        name: "crm_deal_stage_changed",
        data: { deal_id: deal?.id, to_stage: "qualified" },
      });
      const renewed = await client.experimental_events.refresh({ id: subscribed.id });
      expect(renewed.id).toBe(subscribed.id);
      await client.experimental_events.unsubscribe({ id: subscribed.id });
      expect(store.kept.size).toBe(0);
      expect(failures).toEqual([]);
    } finally {
      await client.close();
      receiver.close();
    }
  });
});
