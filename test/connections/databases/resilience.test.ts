import { createExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import type { SilentServer } from "../../../scripts/databases/silent-server.ts";
import { connectionEntry } from "../../../shared/connections/entry.ts";
import { connectionGate } from "../../../shared/objects/connection-gate.ts";
import { writeSecret } from "../../../workers/connections/vault.ts";
import { app } from "../../../workers/gateway/app.ts";
import { eventsOf } from "../../audit/trail.ts";
import { PASSWORD, publishConnections } from "../../support/publish-connections.ts";
import { openSession } from "../../support/session.ts";
import { asPostgresqlOwner, createShop, SERVERS, shopEntry } from "./servers.ts";

const DATABASE = "shop_resilience";
const SLOW = "SELECT count(*) FROM orders a, orders b, orders c, orders d";

const open = (as = "alice") => openSession({ server: "shop", lane: "stateless", as, scopes: ["shop:read"] });
const sessionsAtDatabase = async () => {
  const [rows] = await asPostgresqlOwner(
    "postgres",
    `SELECT pid, query, state FROM pg_stat_activity WHERE usename = 'reader' AND datname = '${DATABASE}'`,
  );
  return rows as { pid: number; query: string; state: string }[];
};

describe.skipIf(SERVERS.postgresql === null)("a PostgreSQL connection", () => {
  beforeAll(async () => {
    await createShop(DATABASE);
    await publishConnections({ shop: shopEntry(DATABASE, { limits: { seconds: 1, concurrent: 4 } }) });
  });

  it("stops a statement at the database after its time limit, in our words", async () => {
    const session = await open();
    const { error } = await session.call("shop_query", { sql: SLOW });
    expect(error).toMatchObject({ code: "timeout" });
    const running = (await sessionsAtDatabase()).filter(({ state }) => state === "active");
    expect(running).toEqual([]);
    expect((await session.call("shop_query", { sql: "SELECT 1 AS one" })).data.rows).toEqual([[1]]);
  });

  it("holds at most four sockets in one object, and no two calls share a transaction", async () => {
    const session = await open();
    const answers = await Promise.all(
      Array.from({ length: 16 }, () => session.call("shop_query", { sql: "SELECT count(*) FROM orders" })),
    );
    expect(answers.map(({ data }) => data?.rows[0][0])).toEqual(Array.from({ length: 16 }, () => 3000));
    expect((await sessionsAtDatabase()).length).toBeLessThanOrEqual(4);
  });

  it("keeps a bounded part of an answer of nine million rows", async () => {
    const session = await open();
    const { data, error } = await session.call("shop_query", {
      sql: "SELECT a.id, a.note FROM orders a, orders b",
      limit: 200,
    });
    expect(error).toBeUndefined();
    expect(data.cut).toBe(true);
    expect(data.rows.length).toBeLessThanOrEqual(200);
  });

  it("refuses one value that is larger than an object may hold, and goes on", async () => {
    const session = await open();
    const { error } = await session.call("shop_query", {
      sql: "SELECT string_agg(note, '') FROM orders, generate_series(1, 400)",
    });
    expect(error).toMatchObject({ code: "invalid_input", message: expect.stringContaining("too large") });
    expect((await session.call("shop_query", { sql: "SELECT 1 AS one" })).data.rows).toEqual([[1]]);
  });

  it("goes on with new sockets after the database ended them, and every call has a record", async () => {
    const session = await open("rita");
    await session.call("shop_query", { sql: "SELECT 1 AS one" });
    await asPostgresqlOwner(
      "postgres",
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'reader'",
    );
    const { data } = await session.call("shop_query", { sql: "SELECT 2 AS two" });
    expect(data.rows).toEqual([[2]]);
    const events = await eventsOf("user_rita");
    expect(events.filter(({ type }) => type === "intent")).toHaveLength(2);
  });

  it("closes its sockets before the next call when the password was changed or removed", async () => {
    const session = await open();
    await session.call("shop_query", { sql: "SELECT 1 AS one" });
    expect((await sessionsAtDatabase()).length).toBeGreaterThan(0);
    await writeSecret(env, "shop", null, Date.now());
    await connectionGate(env, "shop", 0).closeSessions();
    const refused = await session.call("shop_query", { sql: "SELECT 1 AS one" });
    expect(refused.error).toMatchObject({ code: "unavailable", message: expect.stringContaining("account") });
    expect(JSON.stringify(refused.error)).not.toContain(PASSWORD);
    await writeSecret(env, "shop", PASSWORD, Date.now());
    await connectionGate(env, "shop", 0).closeSessions();
    expect((await session.call("shop_query", { sql: "SELECT 1 AS one" })).data.rows).toEqual([[1]]);
  });

  it("refuses at once while the database is away, after a few tries, and probes it again later", async () => {
    const entry = shopEntry(DATABASE, { limits: { concurrent: 4, seconds: 1 } });
    const away = { ...entry, reach: { ...entry.reach, port: 1 } } as typeof entry;
    await publishConnections({ away, shop: entry });
    const session = await openSession({ server: "away", lane: "stateless", scopes: ["away:read"] });
    for (let call = 0; call < 8; call += 1) {
      const { error } = await session.call("away_query", { sql: "SELECT 1 AS one" });
      expect(error).toMatchObject({ code: "unavailable", retry_after: expect.any(Number) });
    }
    expect((await connectionGate(env, "away", 0).state()).breaker).toBe("open");
    const ready = await app.fetch(
      new Request(new URL("/ready", env.PUBLIC_URL)),
      { ...env },
      createExecutionContext(),
    );
    const { connections } = await ready.json<{ connections: { name: string; breaker: string }[] }>();
    expect(ready.status).toBe(200);
    expect(connections.map(({ name, breaker }) => [name, breaker])).toEqual([
      ["away", "open"],
      ["shop", "closed"],
    ]);
    // Another connection does not notice.
    expect((await (await open()).call("shop_query", { sql: "SELECT 1 AS one" })).data.rows).toEqual([[1]]);
  });
});

describe("calls at a server that takes connections and says nothing", () => {
  const { silent } = (env as unknown as { TEST_DOUBLES: { silent: SilentServer } }).TEST_DOUBLES;
  const common = { title: "Shop", description: "Shop.", owner: "x", limits: { seconds: 1, concurrent: 4 } };
  const reach = { host: "127.0.0.1", port: silent.port, tls: "off", user: "reader" };
  const tables = { expose: { tables: ["public.*"] } };
  const read = { sql: "SELECT 1", values: [], rows: 1, bytes: 1_000 };
  const KINDS = {
    postgresql: {
      more: { ...tables, reach: { ...reach, database: "shop" } },
      operation: "query",
      args: read,
    },
    mysql: { more: { ...tables, reach: { ...reach, database: "shop" } }, operation: "query", args: read },
    redis: {
      more: { expose: { prefixes: ["a"] }, reach },
      operation: "get",
      args: { key: "a", field: null, rows: 1 },
    },
  };
  const entryOf = (kind: keyof typeof KINDS) =>
    connectionEntry.parse({ ...common, kind, ...KINDS[kind].more });

  beforeAll(async () => {
    const kinds = Object.keys(KINDS) as (keyof typeof KINDS)[];
    await publishConnections(Object.fromEntries(kinds.map((kind) => [`silent${kind}`, entryOf(kind)])));
  });

  it.each(["postgresql", "mysql", "redis"] as const)(
    "have five sockets of an object at most, and end in their time: %s",
    async (kind) => {
      await fetch(silent.most);
      const target = { name: `silent${kind}`, revision: "r", entry: entryOf(kind) };
      const { operation, args } = KINDS[kind];
      const calls = Array.from({ length: 28 }, () =>
        connectionGate(env, target.name, 0).run(target, {
          ...{ id: crypto.randomUUID(), operation, arguments: args, identity: {} },
          ...{ timeoutMs: 1_000, repeatable: true, note: "gatehouse test" },
        }),
      );
      const codes = (await Promise.all(calls)).map((answer) => (answer.ok ? "ok" : answer.failure.code));
      const most = Number(await (await fetch(silent.most)).text());
      expect(most).toBeGreaterThan(0);
      expect(most).toBeLessThanOrEqual(5);
      expect([...new Set(codes)].toSorted()).toEqual(["timeout", "unavailable"]);
    },
  );
});
