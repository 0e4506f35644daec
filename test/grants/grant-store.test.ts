import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { withGrantStore } from "../../workers/gateway/grants/grant-storage.ts";

const objectOf = (user: string) => env.GRANT_STORE.get(env.GRANT_STORE.idFromName(user));
const storeOf = () => withGrantStore(env).OAUTH_KV;

/** Number of stored rows of a user's object, by table. */
const countRows = (user: string) =>
  runInDurableObject(objectOf(user), (_object, state) =>
    Object.fromEntries(
      state.storage.sql
        .exec<{ name: string }>(
          "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\'",
        )
        .toArray()
        .map(({ name }) => [
          name,
          state.storage.sql.exec<{ n: number }>(`SELECT count(*) AS n FROM ${name}`).one().n,
        ]),
    ),
  );

const passTime = (seconds: number) => vi.setSystemTime(Date.now() + seconds * 1000);

afterEach(() => {
  vi.useRealTimers();
});

describe("a write that depends on a read", () => {
  it("is refused when another request wrote in between", async () => {
    const key = `grant:${crypto.randomUUID()}:a`;
    await storeOf().put(key, '{"n":0}');
    const [one, two] = [storeOf(), storeOf()];
    await Promise.all([one.get(key), two.get(key)]);
    await one.put(key, '{"n":1}');
    await expect(two.put(key, '{"n":2}')).rejects.toMatchObject({ code: "temporarily_unavailable" });
    expect(await storeOf().get(key, "json")).toEqual({ n: 1 });
  });

  it("cannot bring back a grant that was revoked in between", async () => {
    const user = crypto.randomUUID();
    const key = `grant:${user}:a`;
    await storeOf().put(key, "{}");
    const refreshing = storeOf();
    await refreshing.get(key);
    await storeOf().delete(key);
    await expect(refreshing.put(key, "{}")).rejects.toMatchObject({ code: "invalid_grant" });
    await expect(refreshing.put(`token:${user}:a:1`, "{}")).rejects.toMatchObject({ code: "invalid_grant" });
    expect(await storeOf().get(key)).toBeNull();
  });

  it("lets exactly one of fifty parallel writers through", async () => {
    const key = `grant:${crypto.randomUUID()}:a`;
    await storeOf().put(key, "{}");
    const writers = Array.from({ length: 50 }, storeOf);
    await Promise.all(writers.map((writer) => writer.get(key)));
    const results = await Promise.allSettled(
      writers.map((writer, n) => writer.put(key, JSON.stringify({ n }))),
    );
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  });
});

describe("the end of a record", () => {
  it("is exact to the second, and a grant's end includes its tokens", async () => {
    const user = crypto.randomUUID();
    vi.useFakeTimers({ toFake: ["Date"] });
    await storeOf().put(`grant:${user}:a`, "{}", { expirationTtl: 120 });
    await storeOf().put(`token:${user}:a:1`, "{}", { expirationTtl: 60 });
    passTime(59);
    expect(await storeOf().get(`token:${user}:a:1`)).toBe("{}");
    passTime(1);
    expect(await storeOf().get(`token:${user}:a:1`)).toBeNull();
    expect((await storeOf().list({ prefix: `token:${user}:` })).keys).toEqual([]);
    expect(await storeOf().get(`grant:${user}:a`)).toBe("{}");
    passTime(60);
    expect(await storeOf().get(`grant:${user}:a`)).toBeNull();
    await expect(storeOf().put(`token:${user}:a:2`, "{}")).rejects.toMatchObject({ code: "invalid_grant" });
  });

  it("is followed by a clean-up that leaves nothing of it on disk, and keeps active grants", async () => {
    const user = crypto.randomUUID();
    vi.useFakeTimers({ toFake: ["Date"] });
    await storeOf().put(`grant:${user}:ending`, '{"refreshTokenId":"r0"}', { expirationTtl: 60 });
    await storeOf().put(`grant:${user}:ending`, '{"refreshTokenId":"r1"}', { expirationTtl: 60 });
    await storeOf().put(`token:${user}:ending:1`, "{}");
    await storeOf().put(`grant:${user}:living`, "{}", { expirationTtl: 86_400 });
    expect(await countRows(user)).toEqual({ records: 3, retired_tokens: 1, answers: 0 });
    passTime(3_600);
    expect(await runDurableObjectAlarm(objectOf(user))).toBe(true);
    expect(await countRows(user)).toEqual({ records: 1, retired_tokens: 0, answers: 0 });
    expect(await storeOf().get(`grant:${user}:living`)).toBe("{}");
    expect(
      await runInDurableObject(objectOf(user), (_object, state) => state.storage.getAlarm()),
    ).not.toBeNull();
  });
});

describe("the object of a user", () => {
  it("keeps its data when it is evicted", async () => {
    const user = crypto.randomUUID();
    await storeOf().put(`grant:${user}:a`, '{"n":1}', { metadata: { clientId: "c" } });
    await evictDurableObject(objectOf(user));
    expect(await storeOf().get(`grant:${user}:a`, "json")).toEqual({ n: 1 });
    expect((await storeOf().list({ prefix: `grant:${user}:` })).keys).toMatchObject([
      { metadata: { clientId: "c" } },
    ]);
  });

  it("stores nothing on reads, so that guessed tokens cost nothing", async () => {
    const user = crypto.randomUUID();
    expect(await storeOf().get(`token:${user}:a:1`)).toBeNull();
    expect((await storeOf().list({ prefix: `grant:${user}:` })).keys).toEqual([]);
    await storeOf().delete(`grant:${user}:a`);
    await objectOf(user).takeTurn("a", { tokenId: "t", answerId: "x" });
    expect(await countRows(user)).toEqual({});
  });

  it("holds one user's grants and no other's, for any names with common prefixes", async () => {
    const ann = `ann-${crypto.randomUUID()}`;
    const other = `${ann}a`;
    await storeOf().put(`grant:${ann}:a`, '"ann"');
    await storeOf().put(`grant:${other}:a`, '"anna"');
    expect((await storeOf().list({ prefix: `grant:${ann}:` })).keys.map(({ name }) => name)).toEqual([
      `grant:${ann}:a`,
    ]);
    await storeOf().delete(`grant:${ann}:a`);
    expect(await storeOf().get(`grant:${other}:a`, "json")).toBe("anna");
  });
});
