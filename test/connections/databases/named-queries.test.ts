import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { type ConnectionEntry, connectionEntry } from "../../../shared/connections/entry.ts";
import { connectionGate } from "../../../shared/objects/connection-gate.ts";
import { PASSWORD, publishConnections } from "../../support/publish-connections.ts";
import { openSession } from "../../support/session.ts";
import { asMariadbOwner, asPostgresqlOwner, SERVERS } from "./servers.ts";

type Kind = "postgresql" | "mysql";

const DATABASE = "bound";

/** Codes of a refusal by the database; any other would be a failure of ours. */
const REFUSALS = /^(?:forbidden|invalid_input|conflict)$/;

/** An account that may write to the table `bound.notes`, which has one row. */
async function prepare(kind: Kind): Promise<void> {
  if (kind === "postgresql") {
    await asPostgresqlOwner("postgres", `DROP DATABASE IF EXISTS ${DATABASE}`, `CREATE DATABASE ${DATABASE}`);
    await asPostgresqlOwner(
      DATABASE,
      `DO $$ BEGIN CREATE ROLE bound LOGIN PASSWORD '${PASSWORD}'; EXCEPTION WHEN duplicate_object THEN NULL; END $$`,
      "CREATE TABLE notes (text text)",
      "INSERT INTO notes VALUES ('kept')",
      "GRANT SELECT, INSERT, UPDATE, DELETE ON notes TO bound",
      // What every role had in this schema until PostgreSQL 14.
      "GRANT CREATE ON SCHEMA public TO bound",
    );
    return;
  }
  await asMariadbOwner(
    `DROP DATABASE IF EXISTS ${DATABASE}`,
    `CREATE DATABASE ${DATABASE}`,
    `CREATE TABLE ${DATABASE}.notes (text varchar(80))`,
    `INSERT INTO ${DATABASE}.notes VALUES ('kept')`,
    "DROP USER IF EXISTS bound@'%'",
    `CREATE USER bound@'%' IDENTIFIED BY '${PASSWORD}'`,
    `GRANT SELECT, INSERT, UPDATE, DELETE ON ${DATABASE}.* TO bound@'%'`,
  );
}

async function notesOf(kind: Kind): Promise<unknown> {
  const sql = `SELECT text FROM ${kind === "mysql" ? `${DATABASE}.` : ""}notes`;
  const [rows] = kind === "mysql" ? await asMariadbOwner(sql) : await asPostgresqlOwner(DATABASE, sql);
  return rows;
}

function entryOf(kind: Kind, more: object = {}): ConnectionEntry {
  const server = kind === "mysql" ? SERVERS.mariadb : SERVERS.postgresql;
  const { host, port } = server as NonNullable<typeof server>;
  return connectionEntry.parse({
    ...{ kind, title: "Notes", description: "Notes.", owner: "notes@people.example" },
    ...{ allow_privileged_role: true, limits: { concurrent: 1 } },
    reach: { host, port, tls: "off", database: DATABASE, user: "bound" },
    expose: { tables: [kind === "mysql" ? `${DATABASE}.*` : "public.*"] },
    ...more,
  });
}

/** Statements of a company that says of each of them that it reads. */
const WRITING = [
  "INSERT INTO notes VALUES ('written')",
  "UPDATE notes SET text = 'written'",
  "DELETE FROM notes",
  "SELECT 1; INSERT INTO notes VALUES ('written')",
  "COMMIT; INSERT INTO notes VALUES ('written')",
];

const WRITING_OF: Record<Kind, readonly string[]> = {
  postgresql: [
    "WITH w AS (INSERT INTO notes VALUES ('written') RETURNING text) SELECT * FROM w",
    "SELECT text FROM notes FOR UPDATE",
    "CREATE TABLE more (text text)",
    "SET TRANSACTION READ WRITE",
  ],
  mysql: ["REPLACE INTO notes VALUES ('written')", "SELECT text FROM notes INTO OUTFILE '/tmp/notes'"],
};

describe.each(["postgresql", "mysql"] as const)("a named query of %s", (kind) => {
  const server = kind === "mysql" ? SERVERS.mariadb : SERVERS.postgresql;

  beforeAll(async () => {
    if (server !== null) await prepare(kind);
  });

  it.skipIf(server === null)(
    "that says to read writes nothing, also with an account that may write",
    async () => {
      const statements = [...WRITING, ...WRITING_OF[kind]];
      const queries = Object.fromEntries(
        statements.map((sql, at) => [`q${at}`, { title: `Q${at}`, description: "Reads.", sql }]),
      );
      await publishConnections({ notes: entryOf(kind, { queries }) });
      const session = await openSession({ server: "notes", lane: "stateless", scopes: ["notes:read"] });
      for (const [at, sql] of statements.entries()) {
        const { error } = await session.call(`notes_q${at}`, {});
        if (sql !== "SET TRANSACTION READ WRITE") expect(error?.code, sql).toMatch(REFUSALS);
        expect(await notesOf(kind), sql).toEqual([{ text: "kept" }]);
      }
      const { data } = await session.call("notes_query", { sql: "SELECT text FROM notes" });
      expect(data.rows).toEqual([["kept"]]);
    },
  );

  it.skipIf(server === null)("goes through Hyperdrive, whose binding has address and password", async () => {
    const binding = kind === "mysql" ? "BOUND_MARIADB" : "BOUND_POSTGRESQL";
    const all = { title: "All", description: "All notes.", sql: "SELECT text FROM notes" };
    const reach = { hyperdrive: binding };
    const add = {
      ...{ title: "Add", description: "Adds a note.", effect: "create", parameters: TEXT },
      sql: kind === "mysql" ? "INSERT INTO notes VALUES (?)" : "INSERT INTO notes VALUES ($1)",
    };
    // MySQL has no name of a database in the entry: tables are named with theirs.
    const from = kind === "mysql" ? `${DATABASE}.notes` : "notes";
    const queries = {
      all: { ...all, sql: `SELECT text FROM ${from}` },
      add: { ...add, sql: add.sql.replace("notes", from) },
    };
    const entry = entryOf(kind, { reach, queries });
    await publishConnections({ notes: entry });
    const scopes = ["notes:read", "notes:write"];
    const session = await openSession({ server: "notes", lane: "stateless", scopes });
    expect((await session.call("notes_add", { text: "through" })).error).toBeUndefined();
    expect((await session.call("notes_all", {})).data.rows).toEqual([["kept"], ["through"]]);
    const { data, error } = await session.call("notes_query", {
      sql: `SELECT text FROM ${from} WHERE text = 'kept'`,
    });
    expect(error ?? data.rows).toEqual([["kept"]]);
    const gate = connectionGate(env, "notes", 0);
    expect(await gate.probe({ name: "notes", revision: "", entry }, null)).toMatchObject({ ok: true });
    const missing = {
      name: "notes",
      revision: "",
      entry: entryOf(kind, { reach: { hyperdrive: "NOT_THERE" } }),
    };
    expect(await gate.probe(missing, null)).toMatchObject({
      ok: false,
      failure: { message: "Notes is not bound to this deployment: the binding NOT_THERE is missing." },
    });
  });
});

const TEXT = { text: { type: "text", description: "Text." } };

it.skipIf(SERVERS.postgresql === null)(
  "an account that only a setting keeps from writing is one that writes",
  async () => {
    await prepare("postgresql");
    await asPostgresqlOwner(DATABASE, "ALTER ROLE bound SET default_transaction_read_only = on");
    const target = { name: "notes", revision: "", entry: entryOf("postgresql") };
    const probed = await connectionGate(env, "notes", 0).probe(target, PASSWORD);
    await asPostgresqlOwner(DATABASE, "ALTER ROLE bound RESET default_transaction_read_only");
    const blocking = probed.ok ? probed.report.excess.filter((one) => one.blocking) : [];
    expect(blocking.map(({ what }) => what).join("; ")).toMatch(/INSERT|write/i);
  },
);

describe.each(["postgresql", "mysql"] as const)("a test of a connection of %s", (kind) => {
  const server = kind === "mysql" ? SERVERS.mariadb : SERVERS.postgresql;

  it.skipIf(server === null)("proposes classes by values where names say nothing", async () => {
    await prepare(kind);
    const table = kind === "mysql" ? `${DATABASE}.contacts` : "contacts";
    const statements = [
      `CREATE TABLE ${table} (id int, reach_by varchar(80), remark text, said varchar(80), email varchar(80))`,
      `INSERT INTO ${table} VALUES (1, 'ann@people.example', 'AKIAIOSFODNN7EXAMPLE', 'hello', 'x'), (2, 'bob@people.example', NULL, 'hi', 'y')`,
      kind === "mysql" ? "SELECT 1" : "GRANT SELECT ON contacts TO bound",
    ];
    if (kind === "mysql") await asMariadbOwner(...statements);
    else await asPostgresqlOwner(DATABASE, ...statements);
    const target = { name: "notes", revision: "", entry: entryOf(kind) };
    const probed = await connectionGate(env, "notes", 0).probe(target, PASSWORD);
    const at = `${kind === "mysql" ? DATABASE : "public"}.contacts`;
    expect(probed.ok && probed.report.proposals).toEqual({
      [`${at}.email`]: "pii",
      [`${at}.reach_by`]: "pii",
      [`${at}.remark`]: "secret",
    });
  });
});
