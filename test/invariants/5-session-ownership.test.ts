import { listDurableObjectIds } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { listServers, registry } from "../../workers/servers.ts";
import { openSession, REVISION, TestSession } from "../support/session.ts";
import { issueToken } from "../support/token.ts";

const SERVERS = ["", ...listServers().map(({ name }) => name)];
const BINDINGS = ["GATEWAY_AGENT", ...registry.flatMap(({ sessions }) => sessions?.binding ?? [])] as const;

async function countObjects(): Promise<number> {
  const ids = await Promise.all(
    BINDINGS.map((binding) => listDurableObjectIds(env[binding as "CRM_AGENT"] as DurableObjectNamespace)),
  );
  return ids.flat().length;
}

/** The statuses for a session id, by every verb. */
async function statusesOf(session: TestSession): Promise<number[]> {
  const headers = {
    host: new URL(session.url).host,
    authorization: `Bearer ${session.token.accessToken}`,
    accept: "text/event-stream",
    "mcp-session-id": session.sessionId ?? "",
    "mcp-protocol-version": REVISION.sessionful,
  };
  const [get, end] = await Promise.all(
    ["GET", "DELETE"].map((method) => exports.default.fetch(session.url, { method, headers })),
  );
  return [(await session.request("tools/list")).status, get?.status ?? 0, end?.status ?? 0];
}

describe("invariant 5: a session belongs to the user, client and server that opened it", () => {
  it("every other user, client or server gets 404 for its id, and no object is made", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...SERVERS),
        fc.constantFrom(...SERVERS),
        fc.constantFrom("owner", "stranger"),
        async (home, elsewhere, who) => {
          const own = await openSession({ server: home, lane: "sessionful", as: "owner" });
          const scopes = listServers().flatMap((server) => Object.keys(server.scopes));
          const held =
            elsewhere === "" ? scopes : scopes.filter((scope) => scope.startsWith(`${elsewhere}:`));
          // Another client each time: the owner's second app is foreign to the session too.
          const token = await issueToken({ server: elsewhere, name: who, role: "admin", scopes: held });
          const other = new TestSession(elsewhere, "sessionful", token);
          other.sessionId = own.sessionId;
          const before = await countObjects();
          expect(await statusesOf(other)).toEqual([404, 404, 404]);
          expect(await countObjects()).toBe(before);
          expect((await own.request("tools/list")).status).toBe(200);
        },
      ),
      { numRuns: 12 },
    );
  }, 30_000);

  it("an id with any character changed, added or removed belongs to no session", async () => {
    const own = await openSession({ server: "crm", lane: "sessionful", as: "owner" });
    const id = own.sessionId ?? "";
    const thief = new TestSession("crm", "sessionful", own.token);
    const before = await countObjects();
    await fc.assert(
      fc.asyncProperty(
        fc.nat(id.length - 1),
        fc.constantFrom("", "A", "b", "0", "_", ".", "AA"),
        async (at, replacement) => {
          fc.pre(id[at] !== replacement);
          thief.sessionId = id.slice(0, at) + replacement + id.slice(at + 1);
          const [post, get, end] = await statusesOf(thief);
          expect([post, get, end], thief.sessionId).toEqual([404, 404, 404]);
        },
      ),
      { numRuns: 60 },
    );
    expect(await countObjects()).toBe(before);
    expect((await own.request("tools/list")).status).toBe(200);
  }, 30_000);
});
