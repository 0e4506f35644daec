import path from "node:path";
import type { FetchLike } from "@modelcontextprotocol/client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { importFolder } from "../../scripts/knowledge/import-folder.ts";
import { openLocalDestination } from "../../scripts/knowledge/local-destination.ts";
import { ROOT } from "../../scripts/local/root.ts";
import { seedPeople } from "../../scripts/seed/people.ts";
import { canonicalize, digestText } from "../../shared/encoding/canonical-json.ts";
import { putInForce } from "../../shared/policy/changes/publications.ts";
import bundled from "../../shared/policy/policy.json" with { type: "json" };
import { policyDocument } from "../../shared/policy/schema.ts";
import { connectApp, type Lane } from "../support/app-client.ts";
import { type GatewayProcess, startGateway } from "../support/gateway-process.ts";

const CHOICE_HEADER = "x-test-send-to";
const ISOLATE_HEADER = "x-test-isolate";
const LANES = ["sessionful", "stateless"] as const;
const URI = "kb://articles/refund-policy";
/** A client without subscriptions caches lists for a while. */
const UNCACHED = { cacheMode: "bypass" } as const;

let gateway: GatewayProcess;
let platform: D1Database;

beforeAll(async () => {
  gateway = await startGateway({
    main: "test/node/isolates/worker.ts",
    twoIsolates: true,
    async seed({ PLATFORM_DB, KNOWLEDGE_DB }) {
      const asOf = new Date();
      platform = PLATFORM_DB;
      await seedPeople(PLATFORM_DB, { asOf, report: () => {} });
      const destination = await openLocalDestination({
        db: KNOWLEDGE_DB,
        collection: { slug: "handbook", title: "Company handbook" },
        author: { id: "test", name: "Test" },
        now: asOf,
      });
      await importFolder(destination, {
        folder: path.join(ROOT, "scripts/seed/articles"),
        onSkip: () => {},
      });
    },
  });
});

afterAll(() => gateway?.stop());

/** An app whose requests all go to one isolate; it records which one answered. */
async function connect(isolate: "first" | "other", lane: Lane, role: string) {
  const answeredBy = new Set<string>();
  const send: FetchLike = async (url, init) => {
    const request = new Request(url, init);
    request.headers.set(CHOICE_HEADER, isolate);
    const response = await fetch(request);
    answeredBy.add(response.headers.get(ISOLATE_HEADER) ?? "not said");
    return response;
  };
  const { client } = await connectApp(`${gateway.url}/mcp/knowledge`, { lane, role, fetch: send });
  return { client, answeredBy };
}

const PAIRS = LANES.flatMap((listens) => LANES.map((writes) => [listens, writes] as const));

let publications = 0;

/** Publishes a policy that denies editors some tools, and notifies one isolate, as the command does. */
async function denyEditors(isolate: "first" | "other", tools: string[]): Promise<void> {
  const document = policyDocument.parse(structuredClone(bundled));
  if (document.roles.editor) document.roles.editor.denied_tools = tools;
  const text = canonicalize(document);
  const after = publications;
  publications += 1;
  const publication = { after, replaced: after + 1, version: after + 2, digest: digestText(text) };
  const sql = putInForce({ ...publication, at: Date.now(), by: "tests", note: "" }, text);
  await platform.batch(sql.split(";\n").map((one) => platform.prepare(one.replace(/;$/, ""))));
  const response = await fetch(`${gateway.url}/policy/changes`, {
    method: "POST",
    headers: { "content-type": "application/json", [CHOICE_HEADER]: isolate },
    body: JSON.stringify({ publication: publications }),
  });
  expect(response.status).toBe(200);
}

describe.each(PAIRS)("a client on the %s lane, and a colleague on the %s lane", (listens, writes) => {
  it.each([
    ["first", "other"],
    ["other", "first"],
  ] as const)(
    "in the %s isolate hears of the article edited in the %s one, and reads it",
    async (here, there) => {
      const listener = await connect(here, listens, "editor");
      const writer = await connect(there, writes, "admin");
      const heard = new Promise<string>((resolve) => {
        listener.client.setNotificationHandler("notifications/resources/updated", ({ params }) =>
          resolve(params.uri),
        );
      });
      if (listens === "stateless") await listener.client.listen({ resourceSubscriptions: [URI] });
      else await listener.client.subscribeResource({ uri: URI });

      const line = `Told from the ${there} isolate, ${writes} to ${listens}.`;
      const read = await writer.client.callTool({ name: "fetch", arguments: { id: "refund-policy" } });
      const { text, metadata } = read.structuredContent as { text: string; metadata: { version: string } };
      const edited = await writer.client.callTool({
        name: "knowledge_update_article",
        arguments: {
          id: "refund-policy",
          expected_version: Number(metadata.version),
          body: `${text}\n${line}\n`,
          change_note: "One line more.",
        },
      });
      expect(edited.isError ?? false).toBe(false);

      expect(await heard).toBe(URI);
      const [contents] = (await listener.client.readResource({ uri: URI })).contents;
      expect(contents).toHaveProperty("text", expect.stringContaining(line));
      expect([listener.answeredBy.size, writer.answeredBy.size]).toEqual([1, 1]);
      expect(listener.answeredBy).not.toEqual(writer.answeredBy);
      await listener.client.close();
      await writer.client.close();
    },
  );
});

describe.each(LANES)("a client on the %s lane of one isolate that subscribes to list changes", (lane) => {
  it("is notified of a policy published at another one, where its user then gets the allowed list", async () => {
    const listener = await connect("first", lane, "editor");
    const reader = await connect("other", "stateless", "editor");
    const denied = `knowledge_${lane === "stateless" ? "list_gaps" : "get_history"}`;
    const listNames = async () => (await reader.client.listTools({}, UNCACHED)).tools.map(({ name }) => name);
    const heard = new Promise<void>((resolve) => {
      listener.client.setNotificationHandler("notifications/tools/list_changed", () => resolve());
    });
    if (lane === "stateless") await listener.client.listen({ toolsListChanged: true });
    // The other isolate has read the policy now, and reads again after ten seconds.
    expect(await listNames()).toContain(denied);
    await denyEditors("first", [denied]);
    await heard;
    expect(await listNames()).not.toContain(denied);
    expect(listener.answeredBy).not.toEqual(reader.answeredBy);
    await listener.client.close();
    await reader.client.close();
  });
});
