import { env } from "cloudflare:workers";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { storeDefinitions } from "../../../shared/connections/definition-store.ts";
import { foreignName } from "../../../shared/connections/foreign-names.ts";
import { writeRevision } from "../../../shared/connections/revision.ts";
import { storeCatalogues } from "../../../shared/policy/changes/publications.ts";
import { writeSecret } from "../../../workers/connections/vault.ts";
import { publish, publishCatalogues } from "../../support/publish.ts";
import { LANES, openSession, type TestSession } from "../../support/session.ts";
import { TASKS } from "../../support/tasks.ts";
import { compilePets, petsEntry } from "./pets.ts";
import { takeUp } from "./store-double.ts";

const { operations } = compilePets();
const NAMES = operations.map(({ tool }) => foreignName("zoo", tool)).sort();
const BUILT_IN = ["crm_find_contacts", "crm_create_contact", "analytics_query", "knowledge_save_article"];
const SCOPES = ["zoo:read", "zoo:write", "zoo:delete", "crm:read", "crm:write", "analytics:read"];

/** Requests that the other system got. */
let asked = 0;

/** Forbids these tools to a role that may use every other. */
async function forbid(names: readonly string[]): Promise<void> {
  await publish(({ roles }) => {
    const viewer = roles.viewer as NonNullable<typeof roles.viewer>;
    roles.viewer = {
      ...viewer,
      scopes: [...new Set([...viewer.scopes, ...SCOPES, "knowledge:read", "knowledge:write"])],
      allowed_tools: ["*"],
      denied_tools: [...names],
    };
  });
  await takeUp();
}

beforeAll(async () => {
  const plain = globalThis.fetch;
  vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
    const request = new Request(input, init);
    if (!request.url.includes("pets.example")) return await plain(input, init);
    asked += 1;
    return Response.json([]);
  });
  Object.assign(env, {
    CODE_LOADER: (env as unknown as { TEST_CODE_LOADER: WorkerLoader }).TEST_CODE_LOADER,
  });
  await writeSecret(env, "zoo", "s3cret", Date.now());
  const digests = await storeDefinitions(env.PLATFORM_DB, operations, Date.now());
  const entry = petsEntry({ lists: "search", pinned: ["*"] });
  await publishCatalogues(storeCatalogues({ zoo: writeRevision("zoo", entry, digests) }, Date.now()));
});

afterAll(() => void vi.restoreAllMocks());

type Surface = (session: TestSession, forbidden: readonly string[]) => Promise<unknown>;

const each = (forbidden: readonly string[], ask: (name: string) => Promise<unknown>) =>
  Promise.all(forbidden.map(ask));

/** What a person gets to read who looks for forbidden tools, and must not find them named there. */
const READING: Record<string, Surface> = {
  "the list of tools": (session) => session.request("tools/list"),
  "the lists of resources, templates and prompts": (session) =>
    Promise.all(
      ["resources/list", "resources/templates/list", "prompts/list"].map((one) => session.request(one)),
    ),
  "the instructions": async (session) => {
    if (session.lane === "stateless") return await session.request("server/discover");
    const own = session.sessionId;
    session.sessionId = undefined;
    const answer = await session.initialize();
    session.sessionId = own;
    return answer;
  },
  "a search": (session, forbidden) =>
    each(forbidden, (name) =>
      session.call("tools_find", { query: name.replaceAll("_", " "), limit: 20 }).then(({ data }) => data),
    ),
  "code that searches": (session, forbidden) =>
    session.call("tools_run_code", {
      code: `const found = [];
        for (const name of ${JSON.stringify(forbidden)}) found.push(...await tools.find(name.replaceAll("_", " ")));
        return found.map(({ name }) => name);`,
    }),
};

/** What uses a tool by its name. Each has to be refused as forbidden, or as if the tool did not exist. */
const USING: Record<string, (session: TestSession, name: string) => Promise<unknown>> = {
  "a call": (session, name) => session.request("tools/call", { name, arguments: {} }),
  "a call as a task": async (session, name) => {
    session.capabilities = { ...TASKS, tasks: {} };
    const answer = await session.request("tools/call", { name, arguments: {}, task: { ttl: 60_000 } });
    session.capabilities = {};
    return answer;
  },
  "its description": (session, name) =>
    session.request("tools/call", { name: "tools_describe", arguments: { names: [name] } }),
  "a call that reads": (session, name) =>
    session.request("tools/call", { name: "tools_read", arguments: { name, arguments: {} } }),
  "a call that writes": (session, name) =>
    session.request("tools/call", { name: "tools_write", arguments: { name, arguments: {} } }),
  "a completion": (session, name) =>
    session.request("completion/complete", {
      ref: { type: "ref/prompt", name },
      argument: { name: "id", value: "a" },
    }),
  "a prompt": (session, name) => session.request("prompts/get", { name, arguments: {} }),
  "a resource": (session, name) => session.request("resources/read", { uri: `zoo:${name}` }),
};

const CODE = (forbidden: readonly string[]) => `
  const done = [];
  for (const name of ${JSON.stringify(forbidden)}) {
    await tools.describe(name).then(() => done.push("described " + name), () => {});
    for (const call of [() => tools.call(name, {}), () => tools[name]({})])
      await Promise.resolve().then(call).then(() => done.push("called " + name), () => {});
  }
  return done;`;

describe.each(LANES)("a forbidden tool, on the %s lane", (lane) => {
  it.each(["zoo", ""])(
    "is not found, described, suggested or called on any surface of /mcp/%s",
    async (server) => {
      const offered = server === "" ? [...NAMES, ...BUILT_IN] : NAMES;
      const chosen = fc.subarray(offered, { minLength: 1, maxLength: 4 });
      await fc.assert(
        fc.asyncProperty(chosen, async (forbidden) => {
          await forbid(forbidden);
          const scopes =
            server === "" ? [...SCOPES, "knowledge:read", "knowledge:write"] : SCOPES.slice(0, 3);
          const session = await openSession({ server, lane, as: "vera", role: "viewer", scopes });
          const before = asked;
          for (const [surface, read] of Object.entries(READING)) {
            const text = JSON.stringify(await read(session, forbidden));
            // The text of the code itself is not in its answer.
            for (const name of forbidden) expect(text, `${name} in ${surface}`).not.toContain(`"${name}"`);
          }
          for (const [surface, use] of Object.entries(USING))
            for (const name of forbidden) {
              const text = JSON.stringify(await use(session, name));
              expect(text, `${surface} ${name}`).toMatch(/forbidden|not_found|"error":\{"code":-32/);
              const other = JSON.stringify(await use(session, `${name}x`));
              for (const one of forbidden)
                expect(other.replaceAll(`${name}x`, ""), `${surface} suggests ${one}`).not.toContain(one);
            }
          const { data } = await session.call("tools_run_code", { code: CODE(forbidden) });
          if (data !== undefined) expect(data.result).toEqual([]);
          expect(asked).toBe(before);
          // What is allowed is there: the test can fail.
          const free = NAMES.find((name) => !forbidden.includes(name));
          const { tools } = (await session.request("tools/list")).result;
          expect(tools.map(({ name }: { name: string }) => name)).toContain(free);
        }),
        { numRuns: 4 },
      );
    },
    60_000,
  );
});
