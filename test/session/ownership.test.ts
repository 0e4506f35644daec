import { evictAllDurableObjects, listDurableObjectIds } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import type { Keyring } from "../../shared/auth/keyring.ts";
import { createSessionId, openSessionId, sealSessionId } from "../../shared/auth/session-seal.ts";
import { LANES, openSession, REVISION, TestSession } from "../support/session.ts";
import { issueToken, mcpUrl } from "../support/token.ts";

const SCOPES = ["crm:read", "crm:write"];

async function withVerb(method: string, session: TestSession, sessionId: string): Promise<Response> {
  return exports.default.fetch(session.url, {
    method,
    headers: {
      host: new URL(session.url).host,
      authorization: `Bearer ${session.token.accessToken}`,
      accept: "text/event-stream",
      "mcp-session-id": sessionId,
      "mcp-protocol-version": REVISION.sessionful,
    },
  });
}

describe("a session belongs to the user, the client and the server that opened it", () => {
  it("answers another user's request with 404 and creates no object", async () => {
    const alice = await openSession({ server: "crm", lane: "sessionful" });
    const bob = new TestSession(
      "crm",
      "sessionful",
      await issueToken({ server: "crm", name: "bob", role: "admin", scopes: SCOPES }),
    );
    const before = (await listDurableObjectIds(env.CRM_AGENT)).length;
    bob.sessionId = alice.sessionId;
    expect((await bob.request("tools/list")).status).toBe(404);
    expect((await withVerb("GET", bob, alice.sessionId ?? "")).status).toBe(404);
    expect((await withVerb("DELETE", bob, alice.sessionId ?? "")).status).toBe(404);
    expect((await listDurableObjectIds(env.CRM_AGENT)).length).toBe(before);
    expect(await alice.listTools()).not.toHaveLength(0);
  });

  it("answers another app of the same user with 404", async () => {
    const first = await openSession({ server: "crm", lane: "sessionful" });
    const second = new TestSession(
      "crm",
      "sessionful",
      await issueToken({ server: "crm", name: "alice", role: "admin", scopes: SCOPES }),
    );
    second.sessionId = first.sessionId;
    expect((await second.request("tools/list")).status).toBe(404);
  });

  it("rejects an id that it did not seal, and creates no session", async () => {
    const alice = await openSession({ server: "crm", lane: "sessionful" });
    const before = (await listDurableObjectIds(env.CRM_AGENT)).length;
    for (const id of [
      "x",
      createSessionId(),
      `${createSessionId()}.${"A".repeat(43)}`,
      `${alice.sessionId}x`,
    ]) {
      alice.sessionId = id;
      expect((await alice.request("tools/list")).status, id).toBe(404);
    }
    expect((await listDurableObjectIds(env.CRM_AGENT)).length).toBe(before);
  });

  it("refuses a token of another server before it reads the session", async () => {
    const alice = await openSession({ server: "crm", lane: "sessionful" });
    const { accessToken } = alice.token;
    for (const server of ["knowledge", "analytics", ""]) {
      const headers = { authorization: `Bearer ${accessToken}`, "mcp-session-id": alice.sessionId ?? "" };
      const response = await exports.default.fetch(mcpUrl(server), { method: "POST", headers, body: "{}" });
      expect(response.status, server).toBe(401);
    }
  });

  it("is gone after DELETE", async () => {
    const alice = await openSession({ server: "crm", lane: "sessionful" });
    await alice.close();
    const { status, error } = await alice.request("tools/list");
    expect(status).toBe(404);
    expect(error?.code).toBe(-32001);
  });

  it("opens a seal only for its owner", async () => {
    const owner = { userId: "user_a", clientId: "client", server: "crm" };
    const id = createSessionId();
    const keyring: Keyring = [{ version: 1, secret: "k".repeat(32) }];
    const sealed = await sealSessionId(keyring, id, owner);
    expect(await openSessionId(keyring, sealed, owner)).toBe(id);
    expect(await openSessionId([{ version: 1, secret: "j".repeat(32) }], sealed, owner)).toBeNull();
    for (const change of [{ userId: "user_b" }, { clientId: "other" }, { server: "" }]) {
      expect(await openSessionId(keyring, sealed, { ...owner, ...change })).toBeNull();
    }
  });
});

/** A statement whose answer is far over the size limit: 500 rows of some 200 characters. */
const LONG_ANSWER = {
  sql: `SELECT value AS n, '${"0".repeat(200)}' || value AS text FROM json_each(?)`,
  params: [JSON.stringify(Array.from({ length: 500 }, (_, index) => index))],
  limit: 500,
};

describe.each(LANES)("a long answer on the %s lane", (lane) => {
  it("is truncated, reports it, and gives every row in order through its handle, also after an eviction", async () => {
    const alice = await openSession({ server: "analytics", lane });
    const { data } = await alice.call("analytics_sql", LONG_ANSWER);
    const { handle, shown, total } = data.more;
    expect(total).toBe(500);
    expect(data.rows).toHaveLength(shown);
    await evictAllDurableObjects();
    const rest = [];
    for (let offset: number | undefined = shown; offset !== undefined; ) {
      const { data: page } = await alice.call("context_get", { handle, offset, limit: 70 });
      rest.push(...page.rows);
      offset = page.next_offset;
    }
    expect([...data.rows, ...rest].map((row: unknown[] | { n: number }) => Object.values(row)[0])).toEqual(
      Array.from({ length: 500 }, (_, index) => index),
    );
  });

  it("is kept for its owner only: its handle is unknown to a colleague and to another app", async () => {
    const alice = await openSession({ server: "analytics", lane });
    const { handle } = (await alice.call("analytics_sql", LONG_ANSWER)).data.more;
    const bob = await openSession({ server: "analytics", lane, as: "bob" });
    const otherApp = await openSession({ server: "analytics", lane });
    const otherServer = await openSession({ server: "crm", lane, as: "bob" });
    for (const stranger of [bob, otherApp, otherServer]) {
      expect((await stranger.call("context_get", { handle })).error).toMatchObject({ code: "not_found" });
      expect((await stranger.call("context_get")).data.handles).toEqual([]);
    }
    expect((await alice.call("context_get", { handle, limit: 1 })).data.rows).toHaveLength(1);
    await alice.call("context_clear", { parts: ["handles"] });
    expect((await alice.call("context_get", { handle })).error).toMatchObject({ code: "not_found" });
  });
});
