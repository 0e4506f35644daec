import { env, exports } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import type { ServerAddress } from "../../../scripts/databases/debian-servers.ts";
import type { TlsDoubles } from "../../../scripts/databases/tls-doubles.ts";
import { ADMINISTRATION } from "../../../shared/audit/record.ts";
import { connectionEntry } from "../../../shared/connections/entry.ts";
import { digestText } from "../../../shared/encoding/canonical-json.ts";
import { eventsOf } from "../../audit/trail.ts";
import { PASSWORD, publishConnections } from "../../support/publish-connections.ts";
import { openSession } from "../../support/session.ts";
import { asPostgresqlOwner, createShop, SERVERS, shopEntry } from "./servers.ts";

const DATABASE = "shop_commands";

/** The shop by an account of its own, whose rights these tests change. */
function inspectedEntry(more: Record<string, unknown> = {}) {
  const entry = shopEntry(DATABASE, more);
  return { ...entry, reach: { ...entry.reach, user: "test_inspected" } } as typeof entry;
}

/** Writes a ticket as the command does. */
async function writeTicket(expiresAt = Date.now() + 60_000): Promise<string> {
  const ticket = (crypto.randomUUID() + crypto.randomUUID()).replaceAll("-", "");
  await env.PLATFORM_DB.prepare("INSERT INTO connection_ticket (digest, expires_at) VALUES (?, ?)")
    .bind(digestText(ticket), expiresAt)
    .run();
  return ticket;
}

async function ask(command: object, ticket: string) {
  const answer = await exports.default.fetch(new URL("/connections/commands", env.PUBLIC_URL), {
    method: "POST",
    headers: { authorization: `Bearer ${ticket}`, "content-type": "application/json" },
    body: JSON.stringify(command),
  });
  return { status: answer.status, body: await answer.json<ReturnType<typeof JSON.parse>>() };
}

describe("a command of connections", () => {
  it("needs a ticket that lies in the database, has not expired, and counts once", async () => {
    const status = { command: "status" };
    expect((await ask(status, "0".repeat(64))).status).toBe(403);
    expect((await ask(status, await writeTicket(Date.now() - 1))).status).toBe(403);
    const ticket = await writeTicket();
    expect((await ask(status, ticket)).status).toBe(200);
    expect((await ask(status, ticket)).status).toBe(403);
  });

  it("refuses a body that is no command, and says nothing of it", async () => {
    for (const command of [{}, { command: "drop" }, { command: "secret", name: "x", secret: 5 }, []]) {
      const { status, body } = await ask(command, await writeTicket());
      expect([status, body]).toEqual([400, { error: "invalid_request" }]);
    }
  });

  it("stores a password sealed and records that it was set, without the password", async () => {
    const command = {
      command: "secret",
      name: "vaulted",
      connections: [],
      secret: PASSWORD,
      by: "the tests",
    };
    expect((await ask(command, await writeTicket())).body).toEqual({ version: 1 });
    expect((await ask(command, await writeTicket())).body).toEqual({ version: 2 });
    const { results } = await env.PLATFORM_DB.prepare(
      "SELECT * FROM connection_secret WHERE name = 'vaulted'",
    ).all();
    expect(results).toHaveLength(1);
    expect(JSON.stringify(results)).not.toContain(PASSWORD);
    const events = JSON.stringify(await eventsOf(ADMINISTRATION));
    expect(events).toContain("vaulted");
    expect(events).not.toContain(PASSWORD);
  });
});

describe("a server whose certificate is not to be trusted", () => {
  const { tls } = (env as unknown as { TEST_DOUBLES: { tls: TlsDoubles } }).TEST_DOUBLES;
  const common = { title: "Secure", description: "Over TLS.", owner: "x" };
  const database = { database: "shop", user: "reader" };
  const tables = { tables: ["shop.*"] };
  const auth = { type: "none" };
  const KINDS = {
    postgresql: { ...common, reach: database, expose: tables },
    mysql: { ...common, reach: database, expose: tables },
    clickhouse: { ...common, reach: database, expose: tables },
    redis: { ...common, reach: { user: "reader" }, expose: { prefixes: ["session:"] } },
    opensearch: { ...common, reach: {}, auth, expose: { indices: ["orders"] } },
    mongodb: { ...common, reach: database, expose: { collections: ["orders"] } },
    kafka: { ...common, reach: {}, auth, expose: { topics: ["orders"] } },
  };

  it.each(Object.keys(KINDS) as (keyof typeof KINDS)[])(
    "is refused in one sentence by %s, whether it is of another host, expired or of another authority",
    async (kind) => {
      const faults = Object.values(tls);
      expect(faults).toHaveLength(3);
      const failures = await Promise.all(
        faults.map(async ({ port, mysqlPort }) => {
          const at = kind === "mysql" ? mysqlPort : port;
          const reach = { ...KINDS[kind].reach, host: "127.0.0.1", port: at, tls: "required" };
          const entry = { ...KINDS[kind], kind, reach };
          const command = { command: "test", connection: "secure", entry, secret: PASSWORD };
          const { body } = await ask(command, await writeTicket());
          return [at, body.failure.message];
        }),
      );
      // Of TLS from the first byte the runtime does not say more.
      const atOnce = ["redis", "mongodb", "kafka"].includes(kind) ? "the server does not speak it, or " : "";
      for (const [at, message] of failures)
        expect(message).toBe(
          `TLS with 127.0.0.1:${at} failed: ${atOnce}its certificate is of another host, has expired, or is not signed by a known authority.`,
        );
    },
  );
});

describe.skipIf(SERVERS.postgresql === null)("a PostgreSQL connection", () => {
  beforeAll(() => createShop(DATABASE, "test_inspected"));

  const test = async (entry: object, secret: string | null) =>
    (await ask({ command: "test", connection: "shop", entry, secret }, await writeTicket())).body;

  it("is reported with what its account may do, what it exposes, and what does not fit", async () => {
    const entry = inspectedEntry({ columns: { "public.customers.emial": "pii" } });
    const { report } = await test(entry, PASSWORD);
    expect(report).toMatchObject({
      exposed: ["public.customers", "public.orders"],
      proposals: { "public.customers.email": "pii" },
    });
    expect(report.server).toMatch(/^PostgreSQL 1/);
    expect(report.mistakes).toEqual([
      'columns: "public.customers.emial" does not exist. Did you mean "public.customers.email"?',
    ]);
    expect(report.excess.filter(({ blocking }: { blocking: boolean }) => blocking)).toEqual([]);
  });

  it.each([
    [
      "GRANT INSERT ON orders TO test_inspected",
      "REVOKE INSERT ON orders FROM test_inspected",
      /write to orders/,
    ],
    [
      "GRANT CREATE ON SCHEMA public TO test_inspected",
      "REVOKE CREATE ON SCHEMA public FROM test_inspected",
      /create objects/,
    ],
    [
      "GRANT pg_write_all_data TO test_inspected",
      "REVOKE pg_write_all_data FROM test_inspected",
      /pg_write_all_data/,
    ],
    [
      "CREATE ROLE test_w; GRANT INSERT ON orders TO test_w; ALTER ROLE test_inspected NOINHERIT; GRANT test_w TO test_inspected",
      "REVOKE test_w FROM test_inspected; ALTER ROLE test_inspected INHERIT; DROP OWNED BY test_w; DROP ROLE test_w",
      /write to orders, after SET ROLE test_w/,
    ],
    ["ALTER ROLE test_inspected CREATEDB", "ALTER ROLE test_inspected NOCREATEDB", /create databases/],
    ["ALTER ROLE test_inspected BYPASSRLS", "ALTER ROLE test_inspected NOBYPASSRLS", /row-level security/],
    ["ALTER ROLE test_inspected SUPERUSER", "ALTER ROLE test_inspected NOSUPERUSER", /superuser/],
  ])("is reported as privileged after %s", async (grant, revoke, expected) => {
    await asPostgresqlOwner(DATABASE, grant);
    const { report } = await test(inspectedEntry(), PASSWORD);
    await asPostgresqlOwner(DATABASE, revoke);
    const blocking = report.excess.filter(({ blocking: isBlocking }: { blocking: boolean }) => isBlocking);
    expect(blocking.map(({ what }: { what: string }) => what).join("\n")).toMatch(expected);
  });

  it.each([
    ["a wrong password", {}, "wrong", /refuses the account/],
    ["no password", {}, null, /No password is stored/],
    ["a port where nothing listens", { port: 1 }, PASSWORD, /^Nothing answers at 127\.0\.0\.1:1\.$/],
    [
      "a host without an address",
      { host: "nowhere.invalid" },
      PASSWORD,
      /^Nothing answers at nowhere\.invalid/,
    ],
    ["another database", { database: "nothing" }, PASSWORD, /does not exist/],
    [
      "TLS to a host that the certificate does not name",
      { tls: "required", host: "127.0.0.2" },
      PASSWORD,
      /^TLS with 127\.0\.0\.2:\d+ failed: its certificate is of another host/,
    ],
  ])("is refused in one sentence with %s", async (_what, reach, secret, expected) => {
    const entry = inspectedEntry();
    const { failure } = await test({ ...entry, reach: { ...entry.reach, ...reach } }, secret);
    expect(failure.message).toMatch(expected);
    expect(JSON.stringify(failure)).not.toMatch(/only-reads|internal error|proxy/);
  });

  it.skipIf(SERVERS.redis === null)(
    "is refused in one sentence where another kind of server answers",
    async () => {
      const entry = inspectedEntry();
      const { port, tlsPort } = SERVERS.redis as NonNullable<typeof SERVERS.redis>;
      for (const other of [port, tlsPort]) {
        const { failure } = await test({ ...entry, reach: { ...entry.reach, port: other } }, PASSWORD);
        expect(failure.message).toMatch(/127\.0\.0\.1:\d+ .*as this kind of server does/);
      }
      const withTls = { ...entry, reach: { ...entry.reach, port, tls: "required" } };
      expect((await test(withTls, PASSWORD)).failure.message).toMatch(
        /does not speak TLS|as this kind of server does/,
      );
    },
  );

  describe("over TLS with a private authority", () => {
    const common = { title: "Secure", description: "Over TLS.", owner: "x", allow_privileged_role: true };
    const entries = {
      postgresql: () => ({
        ...inspectedEntry(),
        reach: { ...inspectedEntry().reach, tls: "required" },
      }),
      mariadb: ({ host, port, user }: ServerAddress) => ({
        ...common,
        kind: "mysql",
        reach: { host, port, user, database: "mysql", tls: "required" },
        expose: { tables: ["mysql.*"] },
      }),
      redis: ({ host, user, tlsPort }: ServerAddress & { tlsPort?: number }) => ({
        ...common,
        kind: "redis",
        reach: { host, port: tlsPort, user, tls: "required" },
        expose: { prefixes: ["session:"] },
      }),
    };

    it.each(["postgresql", "mariadb", "redis"] as const)(
      "%s answers at the host that its certificate names alone",
      async (kind) => {
        const server = SERVERS[kind];
        if (server === null) return;
        const entry = connectionEntry.parse(entries[kind](server));
        const secret = kind === "postgresql" ? PASSWORD : server.password;
        expect((await test(entry, secret)).report).toMatchObject({ server: expect.any(String) });
        const elsewhere = { ...entry, reach: { ...entry.reach, host: "127.0.0.2" } };
        const other = await test(elsewhere, secret);
        expect(JSON.stringify(other)).toMatch(/127\.0\.0\.2:\d+.* its certificate is of another host/);
      },
    );
  });

  it("writes by a named query alone, with the scope for it", async () => {
    await asPostgresqlOwner(DATABASE, "GRANT INSERT ON orders TO test_inspected");
    const queries = {
      add_order: {
        title: "Add an order",
        description: "Adds one order.",
        sql: "INSERT INTO orders (id, placed_at, total) VALUES ($1, now(), $2)",
        parameters: {
          id: { type: "integer", description: "Number." },
          total: { type: "number", description: "Sum." },
        },
        effect: "create",
      },
    };
    await publishConnections({ shop: inspectedEntry({ queries, allow_privileged_role: true }) });
    const reader = await openSession({ server: "shop", lane: "stateless", scopes: ["shop:read"] });
    const refused = await reader.request("tools/call", {
      name: "shop_add_order",
      arguments: { id: 9001, total: 5 },
    });
    expect(refused.status).toBe(403);
    const writer = await openSession({
      server: "shop",
      lane: "stateless",
      as: "wanda",
      scopes: ["shop:read", "shop:write"],
    });
    const { data, error } = await writer.call("shop_add_order", { id: 9001, total: 5 });
    expect(error).toBeUndefined();
    expect(data.changed).toBe(1);
    expect((await writer.call("shop_add_order", { id: 9001, total: 5 })).error).toMatchObject({
      code: "conflict",
    });
    const free = await writer.call("shop_query", {
      sql: "INSERT INTO orders (id, placed_at, total) VALUES (9002, now(), 1)",
    });
    expect(free.error?.code).toMatch(/forbidden|invalid_input/);
    const [rows] = await asPostgresqlOwner(DATABASE, "SELECT id FROM orders WHERE id > 9000");
    expect(rows).toEqual([{ id: "9001" }]);
  });
});
