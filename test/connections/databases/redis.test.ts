import { env } from "cloudflare:workers";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { type ConnectionEntry, connectionEntry } from "../../../shared/connections/entry.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import { type ConnectionRequest, connectionGate } from "../../../shared/objects/connection-gate.ts";
import { openToViewers, PASSWORD, publishConnections } from "../../support/publish-connections.ts";
import { LANES, openSession } from "../../support/session.ts";
import { onRedis, SERVERS } from "./servers.ts";

/** Runs commands as the owner of the Redis server. */
async function asOwner(...commands: string[][]): Promise<void> {
  if (SERVERS.redis === null) throw new Error("Redis is not installed.");
  await onRedis(SERVERS.redis, ...commands);
}

function entry(user: string, more: Record<string, unknown> = {}): ConnectionEntry {
  const { host, port } = SERVERS.redis as NonNullable<typeof SERVERS.redis>;
  return connectionEntry.parse({
    kind: "redis",
    title: "Sessions",
    description: "Sessions of the web shop.",
    owner: "shop@people.example",
    reach: { host, port, tls: "off", user },
    expose: { prefixes: ["session:", "events"] },
    ...more,
  });
}

/** Bytes that the server has sent to all of its clients. */
async function bytesSent(): Promise<number> {
  const [info] = await onRedis(SERVERS.redis as NonNullable<typeof SERVERS.redis>, ["INFO", "stats"]);
  return Number(/total_net_output_bytes:(\d+)/.exec(String(info))?.[1]);
}

function request(operation: string, args: Record<string, JsonValue>): ConnectionRequest {
  const named = { id: crypto.randomUUID(), operation, arguments: args, identity: {} };
  return { ...named, timeoutMs: 5_000, repeatable: true, note: "gatehouse test" };
}

describe.skipIf(SERVERS.redis === null)("a Redis connection", () => {
  beforeAll(async () => {
    await asOwner(
      ["FLUSHALL"],
      [
        "ACL",
        "SETUSER",
        "reader",
        "reset",
        "on",
        `>${PASSWORD}`,
        "~*",
        "&*",
        "-@all",
        "+@read",
        "+@connection",
        "-@dangerous",
        "-keys",
      ],
      ["ACL", "SETUSER", "writer", "reset", "on", `>${PASSWORD}`, "~*", "&*", "+@all"],
      ...Array.from({ length: 40 }, (_, at) => [
        "HSET",
        `session:${at}`,
        "user",
        `user-${at}`,
        "pages",
        String(at),
      ]),
      ["SET", "session:text", "x".repeat(300_000)],
      ["SET", "private:token", "not for anyone"],
      ["RPUSH", "session:list", "a", "b", "c"],
      ["XADD", "events", "1-1", "kind", "first"],
      ["XADD", "events", "2-1", "kind", "second"],
    );
    await publishConnections({ cache: entry("reader") });
  });

  describe.each(LANES)("on the %s lane", (lane) => {
    it("lists keys of a prefix, and reads a hash, a list, a long string and a stream", async () => {
      const session = await openSession({ server: "cache", lane, scopes: ["cache:read"] });
      const { data } = await session.call("cache_scan_keys", { prefix: "session:1" });
      expect(data.keys.map(({ key }: { key: string }) => key)).toContain("session:12");
      expect((await session.call("cache_get_key", { key: "session:7" })).data).toMatchObject({
        type: "hash",
        value: { user: "user-7", pages: "7" },
      });
      expect((await session.call("cache_get_key", { key: "session:list" })).data).toMatchObject({
        value: ["a", "b", "c"],
        cut: false,
      });
      const long = await session.call("cache_get_key", { key: "session:text" });
      expect(long.error ?? long.data).toMatchObject({ size: 300_000, cut: true });
      const stream = await session.call("cache_read_stream", { key: "events", limit: 1 });
      expect(stream.data.entries).toEqual([{ id: "2-1", fields: { kind: "second" } }]);
    });

    it("reads no key outside of its prefixes, whatever the pattern is", async () => {
      const session = await openSession({ server: "cache", lane, scopes: ["cache:read"] });
      for (const [tool, args] of [
        ["cache_get_key", { key: "private:token" }],
        ["cache_scan_keys", { prefix: "private" }],
        ["cache_scan_keys", { prefix: "*" }],
        ["cache_read_stream", { key: "private:token" }],
      ] as const) {
        expect((await session.call(tool, args)).error, tool).toMatchObject({ code: "forbidden" });
      }
      const { data } = await session.call("cache_scan_keys", { prefix: "session:*" });
      expect(data.keys).toEqual([]);
    });
  });

  it("finds the keys below an exposed prefix of any characters, and no others", async () => {
    const odd = fc.string({ unit: fc.constantFrom(..."[]*?\\^-!ab:"), minLength: 1, maxLength: 8 });
    const name = fc.string({ unit: fc.constantFrom(..."[]*?\\^ab"), maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(odd, fc.array(name, { minLength: 1, maxLength: 6 }), async (prefix, names) => {
        const below = [...new Set(names.map((one) => `${prefix}${one}`))];
        // What a pattern would match that takes the prefix for one.
        const others = ["a", "b", ":", "ab", `x${prefix}`].filter((key) => !key.startsWith(prefix));
        await asOwner(["SELECT", "1"], ["FLUSHDB"], ...[...below, ...others].map((key) => ["SET", key, ""]));
        const exposed = entry("reader", { expose: { prefixes: [prefix] } });
        const reach = { ...(exposed as { reach: object }).reach, database: 1 };
        const target = { name: "cache", revision: prefix, entry: { ...exposed, reach } as ConnectionEntry };
        const args = { prefix, cursor: "0", rows: 100 };
        const answer = await connectionGate(env, "cache", 0).run(target, request("scan", args));
        expect(answer).toMatchObject({ ok: true });
        const { keys } = (answer as unknown as { value: { keys: { key: string }[] } }).value;
        expect(keys.map(({ key }) => key).toSorted()).toEqual(below.toSorted());
      }),
      { numRuns: 40 },
    );
  });

  it.each([
    ["a field", ["HSET", "session:big", "content"], { field: "content" }],
    ["a hash", ["HSET", "session:big", "content"], {}],
    ["a list", ["RPUSH", "session:big"], {}],
    ["a set", ["SADD", "session:big"], {}],
    ["a sorted set", ["ZADD", "session:big", "1"], {}],
    ["a stream", ["XADD", "session:big", "1-1", "content"], null],
  ])("refuses %s with one value that an object cannot hold, and goes on", async (_what, make, asked) => {
    const size = 60_000_000;
    await asOwner(["SELECT", "0"], ["DEL", "session:big"], [...make, "x".repeat(size)]);
    const session = await openSession({ server: "cache", lane: "stateless", scopes: ["cache:read"] });
    const before = await bytesSent();
    const tool = asked === null ? "cache_read_stream" : "cache_get_key";
    const { error } = await session.call(tool, { key: "session:big", ...asked });
    expect(error).toMatchObject({ code: "result_too_large" });
    // The server sends into buffers of the system before it learns that its socket is closed.
    expect((await bytesSent()) - before).toBeLessThan(size / 2);
    expect((await session.call("cache_get_key", { key: "session:7" })).data.value.user).toBe("user-7");
    await asOwner(["DEL", "session:big"]);
  });

  it("gives of many long members those that an answer has room for", async () => {
    const members = Array.from({ length: 40 }, (_, at) => `${at} ${"x".repeat(at < 4 ? 4_000 : 500_000)}`);
    await asOwner(["DEL", "session:long"], ["RPUSH", "session:long", ...members]);
    const session = await openSession({ server: "cache", lane: "stateless", scopes: ["cache:read"] });
    const { data, error } = await session.call("cache_get_key", { key: "session:long" });
    expect(error?.message ?? data).toMatchObject({ value: members.slice(0, 3), size: 40, cut: true });
    await asOwner(["DEL", "session:long"]);
  });

  it("tells of an account that may write", async () => {
    const gate = connectionGate(env, "cache", 0);
    const reading = await gate.probe({ name: "cache", revision: "", entry: entry("reader") }, PASSWORD);
    expect(reading).toMatchObject({ ok: true, report: { excess: [] } });
    const writing = await gate.probe({ name: "cache", revision: "", entry: entry("writer") }, PASSWORD);
    expect(writing.ok && writing.report.excess.length).toBe(16);
    const refused = await gate.probe({ name: "cache", revision: "", entry: entry("reader") }, "wrong");
    expect(refused).toMatchObject({ ok: false, failure: { code: "unavailable" } });
  });

  it.each([
    ["keys below a prefix", "~session:*", 8],
    ["one key that a prefix names", "~events", 3],
    ["keys of another prefix", "~other:*", 0],
  ])("tells of an account that may write %s, and changes none", async (_what, keys, count) => {
    const name = "half";
    const rights = ["~*", "&*", "-@all", "+@read", "+@connection", "-@dangerous", "-keys"];
    await asOwner(
      ["ACL", "SETUSER", name, "reset", "on", `>${PASSWORD}`, ...rights.filter((right) => right !== "~*")],
      ["ACL", "SETUSER", name, "%R~*", `(+@write ${keys})`],
      ["SET", "session:", "kept"],
    );
    const gate = connectionGate(env, "cache", 0);
    const exposed = { expose: { prefixes: ["session:", "events"] } };
    const probed = await gate.probe({ name: "cache", revision: "", entry: entry(name, exposed) }, PASSWORD);
    expect(probed).toMatchObject({ ok: true });
    expect(probed.ok && probed.report.excess.map(({ what }) => what)).toHaveLength(count);
    const session = await openSession({ server: "cache", lane: "stateless", scopes: ["cache:read"] });
    expect((await session.call("cache_get_key", { key: "session:" })).data.value).toBe("kept");
    const { data } = await session.call("cache_read_stream", { key: "events" });
    expect(data.entries).toHaveLength(2);
  });

  it("gives nothing to a role that may not see the class of its data", async () => {
    await publishConnections({ cache: entry("reader", { data_class: "pii" }) });
    await openToViewers("cache");
    const open = (role: string) =>
      openSession({ server: "cache", lane: "stateless", as: role, role, scopes: ["cache:read"] });
    const [viewer, admin] = [await open("viewer"), await open("admin")];
    for (const [tool, args] of [
      ["cache_get_key", { key: "session:7" }],
      ["cache_scan_keys", { prefix: "session:" }],
      ["cache_read_stream", { key: "events" }],
    ] as const) {
      const { error, data } = await viewer.call(tool, args);
      expect(error, tool).toMatchObject({ code: "forbidden", message: expect.stringContaining("pii") });
      expect(data, tool).toBeUndefined();
    }
    expect((await admin.call("cache_get_key", { key: "session:7" })).data.value.user).toBe("user-7");
  });
});
