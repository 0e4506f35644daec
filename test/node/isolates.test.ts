import path from "node:path";
import { Client, type FetchLike, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Browser } from "../../scripts/demo/browser.ts";
import { authorize, discover, registerClient } from "../../scripts/demo/oauth.ts";
import { importFolder } from "../../scripts/knowledge/import-folder.ts";
import { openLocalDestination } from "../../scripts/knowledge/local-destination.ts";
import { ROOT } from "../../scripts/local/root.ts";
import { DEMO_PASSWORD, DEMO_PEOPLE, seedPeople } from "../../scripts/seed/people.ts";
import { type GatewayProcess, startGateway } from "../support/gateway-process.ts";

const CHOICE_HEADER = "x-test-send-to";
const ISOLATE_HEADER = "x-test-isolate";
const LANES = ["sessionful", "stateless"] as const;
const URI = "kb://articles/refund-policy";

let gateway: GatewayProcess;

beforeAll(async () => {
  gateway = await startGateway({
    main: "test/node/isolates/worker.ts",
    twoIsolates: true,
    async seed({ PLATFORM_DB, KNOWLEDGE_DB }) {
      const asOf = new Date();
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

/** Signs somebody's app in, as every client does. */
async function signIn(role: string): Promise<string> {
  const email = DEMO_PEOPLE.find((person) => person.role === role)?.email ?? "";
  const { discovery } = await discover(`${gateway.url}/mcp/knowledge`);
  const clientId = await registerClient(discovery, `App of ${role}`);
  const account = { email, password: DEMO_PASSWORD };
  return (await authorize(discovery, clientId, new Browser(), account, () => {})).accessToken;
}

/** A client of the official SDK whose requests all go to one isolate; it notes which one answered. */
async function connect(isolate: "first" | "other", lane: (typeof LANES)[number], role: string) {
  const answeredBy = new Set<string>();
  const send: FetchLike = async (url, init) => {
    const request = new Request(url, init);
    request.headers.set(CHOICE_HEADER, isolate);
    const response = await fetch(request);
    answeredBy.add(response.headers.get(ISOLATE_HEADER) ?? "not said");
    return response;
  };
  const mode = lane === "sessionful" ? ("legacy" as const) : { pin: "2026-07-28" };
  const client = new Client({ name: "test", version: "1" }, { versionNegotiation: { mode } });
  const requestInit = { headers: { authorization: `Bearer ${await signIn(role)}` } };
  const url = new URL(`${gateway.url}/mcp/knowledge`);
  await client.connect(new StreamableHTTPClientTransport(url, { fetch: send, requestInit }));
  return { client, answeredBy };
}

const PAIRS = LANES.flatMap((listens) => LANES.map((writes) => [listens, writes] as const));

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
