import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { compileDocument } from "../../../scripts/connections/openapi/compile-document.ts";
import { storeDefinitions } from "../../../shared/connections/definition-store.ts";
import { openapiEntry } from "../../../shared/connections/kinds/openapi.ts";
import { writeRevision } from "../../../shared/connections/revision.ts";
import { deliverOutcomes } from "../../../shared/guard/settle.ts";
import { storeCatalogues } from "../../../shared/policy/changes/publications.ts";
import { allEventsOf } from "../../audit/trail.ts";
import { arrive } from "../../support/arrive.ts";
import { publishCatalogues } from "../../support/publish.ts";
import { LANES, openSession, type TestSession } from "../../support/session.ts";
import { issueToken } from "../../support/token.ts";
import { connect, publishPersonal, world } from "./account-world.ts";
import { takeChanges } from "./gateway.ts";

type Lane = (typeof LANES)[number];

/** Sessions of two people with accounts of their own, who use one and the same app. */
async function openBoth(name: string, lane: Lane): Promise<[ann: TestSession, bob: TestSession]> {
  for (const person of ["ann", "bob"]) await connect(await arrive(person), name, `${person}@there`);
  const scopes = [`${name}:read`];
  const ann = await openSession({ server: name, lane, as: "ann", scopes });
  const { clientId } = ann.token;
  const token = await issueToken({ server: name, name: "bob", role: "admin", scopes, clientId });
  return [ann, await openSession({ server: name, lane, token })];
}

/** The error of the last call of a tool in a person's chain, or `null` for one that succeeded. */
async function lastErrorOf(person: string, tool: string): Promise<string | null | undefined> {
  await deliverOutcomes(env);
  const events = await allEventsOf(`user_${person}`);
  const call = events.findLast((event) => event.type === "intent" && event.name === tool);
  const outcome = events.find(
    (event) => event.type === "outcome" && call?.type === "intent" && event.callId === call.callId,
  );
  return outcome?.type === "outcome" ? outcome.error : undefined;
}

describe.each(LANES)("two people with accounts of their own at an HTTP API, on the %s lane", (lane) => {
  beforeAll(async () => {
    const server = `${world("kept")}/as`;
    const entry = openapiEntry.parse({
      kind: "openapi",
      title: "Things",
      description: "Things of each person.",
      owner: "team@people.example",
      document: "things.yaml",
      reach: { url: `${world("kept")}/api` },
      auth: {
        type: "per_person",
        client_id: "gatehouse",
        issuer: server,
        authorization_endpoint: `${server}/authorize`,
        token_endpoint: `${server}/token`,
      },
    });
    const schema = { type: "array", items: { type: "object" } };
    const content = { "application/json": { schema } };
    const parameters = ["page", "limit"].map((name) => ({ name, in: "query", schema: { type: "integer" } }));
    const get = {
      operationId: "things",
      parameters,
      responses: { "200": { description: "Things.", content } },
    };
    const info = { title: "Things", version: "1" };
    const { operations } = compileDocument(
      "kept",
      { openapi: "3.1.0", info, paths: { "/things": { get } } },
      entry,
    );
    const digests = await storeDefinitions(env.PLATFORM_DB, operations, Date.now());
    await publishCatalogues(storeCatalogues({ kept: writeRevision("kept", entry, digests) }, Date.now()));
    await takeChanges();
  });

  it("keep the rest of a long answer each for themselves: the other's handle is unknown, and that is recorded", async () => {
    const [ann, bob] = await openBoth("kept", lane);
    const { items, more } = (await ann.call("kept_things", { limit: 60 })).data;
    expect(more).toMatchObject({ total: 60, shown: items.length });
    const { handle } = more;
    // Also while something of his own is kept there.
    const own = (await bob.call("kept_things", { limit: 60 })).data;
    expect(own.items[0].of).toBe("bob@there");
    for (const asked of [{ handle }, { handle, offset: more.shown, limit: 5 }]) {
      const taken = await bob.call("context_get", asked);
      expect(taken.error).toMatchObject({ code: "not_found" });
      expect(JSON.stringify(taken)).not.toContain("ann@there");
      expect(await lastErrorOf("bob", "context_get")).toBe("not_found");
    }
    const kept = (await bob.call("context_get")).data;
    expect(kept.handles.map((one: { handle: string }) => one.handle)).toEqual([own.more.handle]);
    const rest = (await ann.call("context_get", { handle, offset: more.shown, limit: 10 })).data;
    expect(new Set(rest.rows.map((one: { of: string }) => one.of))).toEqual(new Set(["ann@there"]));
    expect(await lastErrorOf("ann", "context_get")).toBeNull();
  });

  it("cannot go on with each other's pages: the other's cursor is refused, and that is recorded", async () => {
    const [ann, bob] = await openBoth("kept", lane);
    const first = (await ann.call("kept_things", { limit: 60 })).data;
    expect(first.next).toEqual(expect.any(String));
    const taken = await bob.call("kept_things", { limit: 60, cursor: first.next });
    expect(taken.error).toMatchObject({ code: "invalid_input" });
    expect(taken.error?.message).toContain("not one that this tool returned");
    expect(await lastErrorOf("bob", "kept_things")).toBe("invalid_input");
    expect((await ann.call("kept_things", { limit: 60, cursor: first.next })).error).toBeUndefined();
  });
});

describe("two people with accounts of their own at an MCP server", () => {
  beforeAll(() => publishPersonal(["keptmcp"]));

  it.each(LANES)(
    "get a long answer whole: nothing of it is kept under a handle, on the %s lane",
    async (lane) => {
      const [ann, bob] = await openBoth("keptmcp", lane);
      const whole = (await ann.call("keptmcp_things")).data;
      expect(whole.things).toHaveLength(60);
      expect(whole).not.toHaveProperty("more");
      for (const session of [ann, bob]) expect((await session.call("context_get")).data.handles).toEqual([]);
      const owners = (await bob.call("keptmcp_things")).data.things.map((one: { of: string }) => one.of);
      expect(new Set(owners)).toEqual(new Set(["bob@there"]));
    },
  );
});
