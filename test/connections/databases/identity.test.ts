import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { type ConnectionEntry, connectionEntry } from "../../../shared/connections/entry.ts";
import { type ConnectionRequest, connectionGate } from "../../../shared/objects/connection-gate.ts";
import { openToViewers, PASSWORD, publishConnections } from "../../support/publish-connections.ts";
import { openSession } from "../../support/session.ts";
import type { Attempt } from "../attempts/attempt.ts";
import { IDENTITY_OF_MYSQL, IDENTITY_OF_POSTGRESQL } from "../attempts/identity.ts";
import { asMariadbOwner, asPostgresqlOwner, SERVERS } from "./servers.ts";

const DATABASE = "identity";

/** Their ids are `user_ann` and `user_bob`. */
const PEOPLE = ["ann", "bob"];

const NOTES = "(1, 'of Ann', 'user_ann'), (2, 'of Bob', 'user_bob'), (3, 'also of Bob', 'user_bob')";

const open = (as: string) => openSession({ server: "notes", lane: "stateless", as, scopes: ["notes:read"] });

async function rowsOf(as: string): Promise<unknown> {
  const { data, error } = await (await open(as)).call("notes_query", {
    sql: "SELECT id FROM notes ORDER BY id",
  });
  return error ?? data.rows;
}

/** Attempts that were not refused before they reached the database. */
async function findSent(attempts: readonly Attempt[]): Promise<string[]> {
  const session = await open("ann");
  const statements = [...new Set(attempts.map(({ sql }) => sql))];
  expect(statements.length).toBeGreaterThanOrEqual(50);
  const codes = await Promise.all(
    statements.map(async (sql) => [(await session.call("notes_query", { sql })).error?.code, sql] as const),
  );
  return codes.filter(([code]) => code !== "forbidden" && code !== "invalid_input").map(([, sql]) => sql);
}

function entryOf(kind: "postgresql" | "mysql"): ConnectionEntry {
  const server = kind === "mysql" ? SERVERS.mariadb : SERVERS.postgresql;
  return connectionEntry.parse({
    ...{ kind, title: "Notes", description: "Notes.", owner: "notes@people.example" },
    reach: { host: server?.host, port: server?.port, tls: "off", database: DATABASE, user: "noter" },
    expose: { tables: [kind === "mysql" ? `${DATABASE}.notes` : "public.notes"] },
    identity: { "app.user_id": "user_id" },
    limits: { concurrent: 1 },
  });
}

/** A statement that no judge has seen, in the session that the next call uses. */
async function sendUnseen(kind: "postgresql" | "mysql", sql: string) {
  const request: ConnectionRequest = {
    ...{ id: crypto.randomUUID(), operation: "query", identity: { "app.user_id": "user_ann" } },
    ...{ arguments: { sql, values: [], rows: 10, bytes: 1_000 }, timeoutMs: 5_000, repeatable: true },
    note: "gatehouse test",
  };
  const target = { name: "notes", revision: "unseen", entry: entryOf(kind) };
  const gate = connectionGate(env, "notes", 0);
  expect(await gate.run(target, request), sql).toMatchObject({ ok: true });
  const sees = { ...request.arguments, sql: "SELECT id FROM notes ORDER BY id" };
  const next = await gate.run(target, { ...request, id: crypto.randomUUID(), arguments: sees });
  return (next as unknown as { value?: { rows: unknown } }).value?.rows ?? next;
}

async function publish(kind: "postgresql" | "mysql"): Promise<void> {
  await publishConnections({ notes: entryOf(kind) });
  await openToViewers("notes");
}

describe.skipIf(SERVERS.postgresql === null)("two people of one PostgreSQL account", () => {
  beforeAll(async () => {
    await asPostgresqlOwner("postgres", `DROP DATABASE IF EXISTS ${DATABASE}`, `CREATE DATABASE ${DATABASE}`);
    await asPostgresqlOwner(
      DATABASE,
      `DO $$ BEGIN CREATE ROLE noter LOGIN PASSWORD '${PASSWORD}'; EXCEPTION WHEN duplicate_object THEN NULL; END $$`,
      "CREATE TABLE notes (id int PRIMARY KEY, text text, owner text)",
      `INSERT INTO notes VALUES ${NOTES}`,
      "ALTER TABLE notes ENABLE ROW LEVEL SECURITY",
      "CREATE POLICY own ON notes USING (owner = current_setting('app.user_id', true))",
      "GRANT SELECT ON notes TO noter",
    );
    await publish("postgresql");
  });

  it("see their own rows, whatever one of them writes into a statement", async () => {
    expect(await Promise.all(PEOPLE.map(rowsOf))).toEqual([[[1]], [[2], [3]]]);
    expect(await findSent(IDENTITY_OF_POSTGRESQL)).toEqual([]);
    expect(await Promise.all(PEOPLE.map(rowsOf))).toEqual([[[1]], [[2], [3]]]);
  }, 60_000);

  it.each([
    "SELECT set_config('app.user_id', 'user_bob', false)",
    "SELECT set_config('app.user_id', 'user_bob', true)",
  ])("see their own rows after a statement that would have passed: %s", async (sql) => {
    expect(await sendUnseen("postgresql", sql)).toEqual([[1]]);
  });
});

describe.skipIf(SERVERS.mariadb === null)("two people of one MariaDB account", () => {
  beforeAll(async () => {
    await asMariadbOwner(
      `DROP DATABASE IF EXISTS ${DATABASE}`,
      `CREATE DATABASE ${DATABASE}`,
      `CREATE TABLE ${DATABASE}.everything (id int PRIMARY KEY, text varchar(80), owner varchar(80))`,
      `INSERT INTO ${DATABASE}.everything VALUES ${NOTES}`,
      // A view cannot name a variable; a function that the view's owner calls can.
      `CREATE FUNCTION ${DATABASE}.app_user() RETURNS varchar(80) NO SQL SQL SECURITY DEFINER RETURN @app_user_id`,
      `CREATE SQL SECURITY DEFINER VIEW ${DATABASE}.notes AS SELECT id, text, owner FROM ${DATABASE}.everything WHERE owner = ${DATABASE}.app_user()`,
      "DROP USER IF EXISTS noter@'%'",
      `CREATE USER noter@'%' IDENTIFIED BY '${PASSWORD}'`,
      `GRANT SELECT ON ${DATABASE}.notes TO noter@'%'`,
      // Without it the server tells the account of no column of the view.
      `GRANT EXECUTE ON FUNCTION ${DATABASE}.app_user TO noter@'%'`,
    );
    await publish("mysql");
  });

  it("see their own rows, whatever one of them writes into a statement", async () => {
    expect(await Promise.all(PEOPLE.map(rowsOf))).toEqual([[[1]], [[2], [3]]]);
    expect(await findSent(IDENTITY_OF_MYSQL)).toEqual([]);
    expect(await Promise.all(PEOPLE.map(rowsOf))).toEqual([[[1]], [[2], [3]]]);
  }, 60_000);

  it("have an account that only reads: the function writes nothing in a transaction that is READ ONLY", async () => {
    const gate = connectionGate(env, "notes", 0);
    const excess = [{ what: "EXECUTE on FUNCTION `identity`.`app_user`", blocking: false }];
    const target = { name: "notes", revision: "", entry: entryOf("mysql") };
    expect(await gate.probe(target, PASSWORD)).toMatchObject({ ok: true, report: { excess, mistakes: [] } });
    await asMariadbOwner(`GRANT EXECUTE ON ${DATABASE}.* TO noter@'%'`);
    const more = [{ what: "EXECUTE on `identity`.*", blocking: true }, ...excess];
    expect(await gate.probe(target, PASSWORD)).toMatchObject({ ok: true, report: { excess: more } });
    await asMariadbOwner(`REVOKE EXECUTE ON ${DATABASE}.* FROM noter@'%'`);
  });

  it.each(["SELECT @app_user_id := 'user_bob'", "SELECT 'user_bob' INTO @app_user_id"])(
    "see their own rows after a statement that would have passed: %s",
    async (sql) => {
      expect(await sendUnseen("mysql", sql)).toEqual([[1]]);
    },
  );
});
