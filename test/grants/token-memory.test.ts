import { env, exports } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { TokenMemory } from "../../workers/gateway/grants/token-memory.ts";
import { GrantStore } from "../../workers/objects/grants/grant-store.ts";
import { callMcp, connect, createPerson } from "../support/oauth.ts";
import { LANES, openSession } from "../support/session.ts";

const NOW = Date.UTC(2026, 10, 23);
const RESOURCE = "https://gatehouse.example.com/mcp/crm";

const validated = (lifeSeconds: number) => ({
  props: {},
  audience: RESOURCE,
  expiresAt: NOW / 1000 + lifeSeconds,
  scope: ["crm:read"],
  userId: "user",
  clientId: "client",
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe("the cache of validated tokens", () => {
  it("holds a token for a minute, for its own resource only", () => {
    const memory = new TokenMemory();
    memory.keep(RESOURCE, "token", validated(1_800), NOW);
    expect(memory.find(RESOURCE, "token", NOW + 59_999)).toMatchObject({ userId: "user" });
    expect(memory.find(`${RESOURCE}2`, "token", NOW)).toBeNull();
    expect(memory.find(RESOURCE, "token2", NOW)).toBeNull();
    expect(memory.find(RESOURCE, "token", NOW + 60_000)).toBeNull();
    expect(memory.size).toBe(0);
  });

  it("never outlives the token, and does not trust a clock that went back", () => {
    const memory = new TokenMemory();
    memory.keep(RESOURCE, "token", validated(10), NOW);
    expect(memory.find(RESOURCE, "token", NOW + 9_999)).not.toBeNull();
    expect(memory.find(RESOURCE, "token", NOW + 10_000)).toBeNull();
    memory.keep(RESOURCE, "token", validated(10), NOW);
    expect(memory.find(RESOURCE, "token", NOW - 1)).toBeNull();
  });

  it("holds ten thousand at most and drops the oldest first; expired ones go before", () => {
    const memory = new TokenMemory();
    for (let n = 0; n <= 10_000; n += 1) memory.keep(RESOURCE, `token-${n}`, validated(1_800), NOW + n);
    expect(memory.size).toBe(10_000);
    expect(memory.find(RESOURCE, "token-0", NOW + 10_000)).toBeNull();
    expect(memory.find(RESOURCE, "token-1", NOW + 10_000)).not.toBeNull();
    memory.keep(RESOURCE, "later", validated(1_800), NOW + 65_000);
    expect(memory.size).toBe(10_000 - 5_000 + 1);
  });

  it("stores no token, only digests", () => {
    const memory = new TokenMemory();
    const keys = vi.spyOn(Map.prototype, "set");
    memory.keep(RESOURCE, "user:grant:very-secret", validated(10), NOW);
    expect(JSON.stringify(keys.mock.calls)).not.toContain("very-secret");
    expect(keys.mock.calls.map(([key]) => key)).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/)]);
  });
});

/** Number of grant reads during `act`. */
async function countReads(act: () => Promise<unknown>): Promise<number> {
  const reads = vi.spyOn(GrantStore.prototype, "read");
  await act();
  const count = reads.mock.calls.length;
  reads.mockRestore();
  return count;
}

describe.each(LANES)("a call on the %s lane", (lane) => {
  it("reads its grant once a minute and not at all in between", async () => {
    const { accessToken, clientId } = await connect(await createPerson("admin"), { resource: "/mcp/crm" });
    const session = await openSession({ server: "crm", lane, token: { accessToken, clientId } });
    const call = () => session.call("context_get");
    await call();
    expect(await countReads(call)).toBe(0);
    expect(await countReads(() => Promise.all(Array.from({ length: 10 }, call)))).toBe(0);
    expect(await countReads(() => session.listTools())).toBe(0);
    vi.useFakeTimers({ toFake: ["Date"] });
    vi.setSystemTime(Date.now() + 61_000);
    expect(await countReads(call)).toBeGreaterThan(0);
    expect(await countReads(call)).toBe(0);
  });
});

describe("a cached token", () => {
  it("ends to the second with its own expiry", async () => {
    const { accessToken } = await connect(await createPerson("viewer"), { resource: "/mcp/crm" });
    vi.useFakeTimers({ toFake: ["Date"] });
    const start = Date.now();
    const statusAfter = async (seconds: number) => {
      vi.setSystemTime(start + seconds * 1000);
      return (await callMcp("/mcp/crm", accessToken)).status;
    };
    expect([await statusAfter(1_790), await statusAfter(1_795), await statusAfter(1_801)]).toEqual([
      200, 200, 401,
    ]);
  });

  it("opens no other resource", async () => {
    const { accessToken } = await connect(await createPerson("admin"), { resource: "/mcp/crm" });
    expect((await callMcp("/mcp/crm", accessToken)).status).toBe(200);
    for (const path of ["/mcp", "/mcp/knowledge", "/mcp/analytics"]) {
      expect((await callMcp(path, accessToken)).status).toBe(401);
    }
  });

  it("that the app revoked alone (RFC 7009) is refused at the next call; a refreshed one continues", async () => {
    const connection = await connect(await createPerson("admin"), { resource: "/mcp/crm" });
    const { accessToken, clientId } = connection;
    const session = await openSession({ server: "crm", lane: "stateless", token: { accessToken, clientId } });
    expect((await session.call("context_get")).isError).toBe(false);
    const post = (fields: Record<string, string>) =>
      exports.default.fetch(new URL("/oauth/token", env.PUBLIC_URL), {
        method: "POST",
        body: new URLSearchParams({ client_id: clientId, ...fields }),
      });
    expect((await post({ token: accessToken })).status).toBe(200);
    for (const method of ["tools/call", "tools/list"]) {
      expect((await session.request(method, { name: "context_get", arguments: {} })).status).toBe(401);
    }
    const refreshed = await post({ grant_type: "refresh_token", refresh_token: connection.refreshToken });
    session.token = {
      clientId,
      accessToken: (await refreshed.json<{ access_token: string }>()).access_token,
    };
    expect((await session.call("context_get")).isError).toBe(false);
  });
});
