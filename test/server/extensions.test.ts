import { env, exports } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { canonicalize } from "../../shared/encoding/canonical-json.ts";
import { storeCatalogues } from "../../shared/policy/changes/publications.ts";
import {
  defineServer,
  defineTool,
  type ServerDefinition,
  type ToolContext,
} from "../../shared/server/define.ts";
import { argumentsFromJsonSchema, type ForeignSchema } from "../../shared/server/json-schema-object.ts";
import { readRevision } from "../../shared/server/read-revision.ts";
import { registry } from "../../workers/servers.ts";
import { waitForNews } from "../support/news.ts";
import { publishCatalogues, readState } from "../support/publish.ts";
import { LANES, openSession } from "../support/session.ts";

/** What happened to the connections of the fixture server. */
const connections = { opened: 0, closed: 0 };

/** A connection that is opened asynchronously and must be closed. */
class Connection implements AsyncDisposable {
  static async open(): Promise<Connection> {
    connections.opened += 1;
    return new Connection();
  }

  query(text: string): string {
    if (text === "fail") throw new Error("The other system failed.");
    return `rows of ${text}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    connections.closed += 1;
  }
}

/** One tool as a published revision describes it. */
interface PublishedTool {
  name: string;
  title: string;
  description: string;
  input: ForeignSchema;
}

const status = defineTool({
  name: "fixture_query",
  title: "Query",
  description: "Queries the other system.",
  effect: "read",
  scope: "fixture:read",
  input: z.object({ text: z.string().describe("What to query.") }),
  output: z.object({ rows: z.string() }),
  run: async ({ text }, { store }: ToolContext<Connection>) => ({ rows: store.query(text) }),
});

/** A server without a class of its own, whose data is a connection, and with tools that are data. */
const fixture = defineServer<Connection>({
  name: "fixture",
  title: "Fixture",
  description: "A server of the tests.",
  instructions: "Made for tests.",
  scopes: { "fixture:read": "Read the fixture" },
  baseline: "fixture:read",
  defaults: z.object({}),
  store: () => Connection.open(),
  tools: [status],
  resources: [],
  prompts: [],
  async discover(bindings, revision) {
    const tools = JSON.parse(await readRevision(bindings, revision)) as PublishedTool[];
    return {
      tools: tools.map(({ name, title, description, input }) =>
        defineTool({
          name,
          title,
          description,
          effect: "read",
          scope: "fixture:read",
          input: argumentsFromJsonSchema(input),
          run: async (args) => [{ type: "text", text: JSON.stringify(args) }],
        }),
      ),
      resources: [],
      prompts: [],
    };
  },
});
registry.push({ server: fixture as unknown as ServerDefinition });

const published = (name: string): PublishedTool => ({
  name,
  title: name,
  description: "Published without a deployment.",
  input: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
});

/** Publishes revisions of the fixture and says so, as the command does. */
async function publishTools(...names: string[]): Promise<void> {
  const revision = canonicalize(names.map(published) as never);
  await publishCatalogues(storeCatalogues({ fixture: revision }, Date.now()));
  const { publication } = await readState();
  const body = JSON.stringify({ publication });
  const answer = await exports.default.fetch(new URL("/policy/changes", env.PUBLIC_URL), {
    method: "POST",
    headers: { "content-type": "application/json", "content-length": String(body.length) },
    body,
  });
  expect(answer.status).toBe(200);
}

const open = (lane: (typeof LANES)[number], server = "fixture") => openSession({ server, lane });

async function nameTools(session: Awaited<ReturnType<typeof open>>): Promise<string[]> {
  const { result } = await session.request("tools/list");
  return result.tools.map(({ name }: { name: string }) => name);
}

describe.each(LANES)("a server without a class of its own, on the %s lane", (lane) => {
  it("is served at its URL, by name, with the context tools", async () => {
    const session = await open(lane);
    expect(await nameTools(session)).toContain("fixture_query");
    expect(await nameTools(session)).toContain("context_set");
    expect((await session.call("fixture_query", { text: "a" })).data).toEqual({ rows: "rows of a" });
    expect(await nameTools(session)).not.toContain("crm_find_contacts");
  });

  it("keeps its sessions apart from those of every other URL", async () => {
    const [own, all] = [await open(lane), await open(lane, "")];
    expect(await nameTools(all)).toContain("fixture_query");
    if (lane === "stateless") return;
    const foreign = await open(lane, "");
    foreign.sessionId = own.sessionId;
    expect((await foreign.request("tools/list")).status).toBe(404);
  });
});

describe.each(LANES)("a store that is a connection, on the %s lane", (lane) => {
  it.each(["a", "fail"])("is closed when the call ends, whatever comes of it (%s)", async (text) => {
    const session = await open(lane);
    const before = { ...connections };
    const answer = await session.call("fixture_query", { text });
    expect(answer.isError).toBe(text === "fail");
    await expect.poll(() => connections.closed - before.closed).toBe(connections.opened - before.opened);
    expect(connections.opened - before.opened).toBe(1);
  });
});

describe.each(LANES)("a catalogue that is data, on the %s lane", (lane) => {
  const name = (suffix: string) => `fixture_${lane}_${suffix}`;

  it("changes while clients are connected, tells them, and calls what is listed", async () => {
    await publishTools(name("first"));
    const session = await open(lane);
    expect(await nameTools(session)).toContain(name("first"));
    const { news } = await waitForNews(session, { lists: true });
    await publishTools(name("second"));
    expect((await news.next())?.method).toBe("notifications/tools/list_changed");
    await news.close();
    const tools = await nameTools(session);
    expect(tools).toContain(name("second"));
    expect(tools).not.toContain(name("first"));
    const { content } = await session.call(name("second"), { city: "Wien" });
    expect(content[0]).toMatchObject({ type: "text", text: '{"city":"Wien"}' });
    await expect(session.call(name("first"), { city: "Wien" })).rejects.toThrow("Unknown tool");
    expect((await session.call(name("second"), {})).error?.code).toBe("invalid_input");
  });

  it("goes back with the publication that it came with", async () => {
    await publishTools(name("kept"));
    const { publication } = await readState();
    await publishTools(name("gone"));
    await publishCatalogues({ of: publication });
    const session = await open(lane);
    await expect.poll(() => nameTools(session)).toContain(name("kept"));
  });

  it("leaves out a server whose revision cannot be used, and that server alone", async () => {
    await publishTools("no name at all");
    const session = await open(lane, "");
    const tools = await nameTools(session);
    expect(tools).toContain("crm_find_contacts");
    expect(tools).toContain("fixture_query");
    expect(tools).not.toContain("no name at all");
  });
});

beforeAll(async () => {
  await publishTools();
});
