import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { type ConnectionEntry, connectionEntry } from "../../../shared/connections/entry.ts";
import { connectionGate } from "../../../shared/objects/connection-gate.ts";
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
