import { env } from "cloudflare:workers";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type ConnectionEntry, connectionEntry } from "../../../shared/connections/entry.ts";
import { type ConnectionRequest, connectionGate } from "../../../shared/objects/connection-gate.ts";
import { RefusedRequest } from "../../../workers/connections/connector.ts";
import { mysql } from "../../../workers/connections/mysql/connector.ts";
import { PASSWORD, publishConnections } from "../../support/publish-connections.ts";
import { openSession } from "../../support/session.ts";
import { until } from "../../support/until.ts";
import { asMariadbOwner, SERVERS } from "./servers.ts";

const DATABASE = "engines";

const query = (sql: string) => ({
  title: "A write",
  description: "Writes.",
  effect: "update",
  sql,
  parameters: {},
});
/** Changes one row after the other, and takes two seconds. */
const slow = (table: string) => `UPDATE ${table} SET n = n + 1 + SLEEP(0.02)`;

describe.skipIf(SERVERS.mariadb === null)("a write to MariaDB that is stopped half way", () => {
  let entry: ConnectionEntry;

  beforeAll(async () => {
    const { host, port } = SERVERS.mariadb as NonNullable<typeof SERVERS.mariadb>;
    await asMariadbOwner(
      `DROP DATABASE IF EXISTS ${DATABASE}`,
      `CREATE DATABASE ${DATABASE}`,
      `CREATE TABLE ${DATABASE}.kept (id int PRIMARY KEY, n int) ENGINE = MyISAM`,
      `CREATE TABLE ${DATABASE}.undone (id int PRIMARY KEY, n int) ENGINE = InnoDB`,
      `CREATE PROCEDURE ${DATABASE}.halfway() BEGIN UPDATE undone SET n = 1; COMMIT; INSERT INTO undone VALUES (1, 1); END`,
      `CREATE PROCEDURE ${DATABASE}.kept_by_itself() BEGIN UPDATE undone SET n = 1; COMMIT; END`,
      `CREATE PROCEDURE ${DATABASE}.lost() BEGIN UPDATE undone SET n = 1; COMMIT; KILL CONNECTION CONNECTION_ID(); END`,
      `CREATE PROCEDURE ${DATABASE}.large() BEGIN UPDATE undone SET n = 1; COMMIT; SELECT REPEAT('x', 9000000); END`,
      "DROP USER IF EXISTS engine@'%'",
      `CREATE USER engine@'%' IDENTIFIED BY '${PASSWORD}'`,
      `GRANT SELECT, INSERT, UPDATE, EXECUTE ON ${DATABASE}.* TO engine@'%'`,
    );
    entry = connectionEntry.parse({
      ...{ kind: "mysql", title: "Engines", description: "Tables.", owner: "x", allow_privileged_role: true },
      reach: { host, port, tls: "off", database: DATABASE, user: "engine" },
      expose: { tables: [`${DATABASE}.*`] },
      limits: { seconds: 1 },
      queries: {
        kept: query(slow("kept")),
        undone: query(slow("undone")),
        halfway: query("CALL halfway()"),
        noted: query("-- closes\n# the month\nCALL halfway()"),
        versioned: query("/*! CALL halfway() */"),
        block: query("BEGIN NOT ATOMIC CALL halfway(); END"),
        large: query("CALL large()"),
        twice: query("INSERT INTO kept VALUES (1001, 1), (1002, 1), (1, 1)"),
      },
    });
    await publishConnections({ engines: entry });
  });

  beforeEach(async () => {
    for (const table of ["kept", "undone"]) {
      await asMariadbOwner(
        `DELETE FROM ${DATABASE}.${table}`,
        `INSERT INTO ${DATABASE}.${table} SELECT seq, 0 FROM ${DATABASE}.seq_1_to_100`,
      );
    }
  });

  const open = () =>
    openSession({
      server: "engines",
      lane: "stateless",
      as: "wanda",
      role: "admin",
      scopes: ["engines:write"],
    });
  const changed = async (table: string) => {
    const [rows] = await asMariadbOwner(`SELECT count(*) AS n FROM ${DATABASE}.${table} WHERE n > 0`);
    return Number((rows as { n: number }[])[0]?.n);
  };
  const partly = {
    code: "outcome_unknown",
    message:
      "The change was stopped, and a table without transactions cannot undo it: a part of it may be carried out.",
  };

  it("by its time limit is not said to be undone where its table has no transactions, nor is it repeated", async () => {
    const session = await open();
    const asked = { idempotency_key: "key-of-a-stopped-write" };
    expect((await session.call("engines_kept", asked)).error).toMatchObject(partly);
    const count = await changed("kept");
    expect(count).toBeGreaterThan(0);
    expect((await session.call("engines_kept", asked)).error).toMatchObject({
      code: "outcome_unknown",
      message: expect.stringContaining("An earlier call with this idempotency_key"),
    });
    expect(await changed("kept")).toBe(count);
  });

  it("by its time limit is undone where its table has them, and its key is given back", async () => {
    const session = await open();
    const asked = { idempotency_key: "key-of-an-undone-write" };
    for (const _ of ["first", "again"])
      expect((await session.call("engines_undone", asked)).error?.code).toBe("timeout");
    expect(await changed("undone")).toBe(0);
  });

  it("by a rule of its table is not said to be undone where that has no transactions", async () => {
    expect((await (await open()).call("engines_twice", {})).error).toMatchObject(partly);
    expect(await changed("kept")).toBe(2);
  });

  it("by a rule after a COMMIT in its procedure is not said to be undone, nor is it repeated", async () => {
    const session = await open();
    const asked = { idempotency_key: "key-of-a-procedure" };
    for (const message of ["a part of its changes may be carried out", "An earlier call with this"])
      expect((await session.call("engines_halfway", asked)).error).toMatchObject({
        code: "outcome_unknown",
        message: expect.stringContaining(message),
      });
    expect(await changed("undone")).toBe(100);
  });

  it.each(["noted", "versioned", "block", "large"])(
    "after a COMMIT in its procedure is not said to be undone, as the query %s",
    async (name) => {
      const { error } = await (await open()).call(`engines_${name}`, {});
      expect(error).toMatchObject({ code: "outcome_unknown" });
      expect(await changed("undone")).toBe(100);
    },
  );

  const patient = () => {
    const limits = { ...entry.limits, seconds: 20 };
    return { name: "engines", revision: "patient", entry: { ...entry, limits } as ConnectionEntry };
  };
  const writing = (sql: string, id: string = crypto.randomUUID()): ConnectionRequest => ({
    ...{ id, operation: "write", identity: {}, timeoutMs: 20_000 },
    arguments: { sql, values: [], rows: 10, bytes: 1_000 },
    ...{ repeatable: false, note: "gatehouse test" },
  });

  it("by its caller after a COMMIT in its procedure is not said to be undone", async () => {
    const session = await mysql.open(env, patient(), PASSWORD, new Map());
    let checks = 0;
    const checkCancelled = () => {
      checks += 1;
      // The caller hangs up when the procedure has ended.
      if (checks > 1)
        throw new RefusedRequest({ code: "cancelled", message: "The call was cancelled.", sent: false });
    };
    const unused = () => {
      throw new Error("No question is asked.");
    };
    const caller = { progress: unused, log: unused, refused: unused, ask: unused, checkCancelled };
    const run = session.run(patient(), writing("CALL kept_by_itself()"), 20_000, caller);
    await expect(run).rejects.toMatchObject({ failure: { code: "outcome_unknown" } });
    expect(await changed("undone")).toBe(100);
    session.close();
  });

  it("by a lost socket in its procedure is an outage, which the connection's state names", async () => {
    const gate = connectionGate(env, "engines", 0);
    const answer = await gate.run(patient(), writing("CALL lost()"));
    expect(answer).toMatchObject({ ok: false, failure: { code: "outcome_unknown" } });
    expect(await changed("undone")).toBe(100);
    expect((await gate.state()).lastFailure?.message).toContain("Engines cannot be reached right now.");
  });

  it.each(["kept", "undone"])("by its caller says what became of the table %s", async (table) => {
    const gate = connectionGate(env, "engines", 0);
    const request = writing(slow(table), `of ${table}`);
    const call = gate.run(patient(), request);
    await until(async () => {
      const running = "SELECT count(*) AS n FROM information_schema.processlist WHERE state = 'User sleep'";
      const [rows] = await asMariadbOwner(running);
      expect(Number((rows as { n: number }[])[0]?.n)).toBe(1);
    });
    // At least one row is behind the statement.
    await asMariadbOwner("SELECT SLEEP(0.2)");
    await gate.cancel(request.id);
    const answer = await call;
    const isKept = table === "kept";
    expect(answer).toMatchObject({
      ok: false,
      failure: isKept ? partly : { code: expect.not.stringMatching("unknown") },
    });
    expect((await changed(table)) > 0).toBe(isKept);
  });
});
