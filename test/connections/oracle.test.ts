import { afterEach, describe, expect, it, vi } from "vitest";
import { suggestAccount } from "../../scripts/connections/suggest-account.ts";
import { connectionEntry } from "../../shared/connections/entry.ts";
import type { OracleEntry } from "../../shared/connections/kinds/oracle.ts";
import type { JsonValue } from "../../shared/encoding/json.ts";
import type { ConnectionRequest, ConnectionTarget } from "../../shared/objects/connection-gate.ts";
import { RefusedRequest, type SessionCaller } from "../../workers/connections/connector.ts";
import { describeReach } from "../../workers/connections/describe-reach.ts";
import { connectOracle, oracle } from "../../workers/connections/oracle/connector.ts";
import { describeAddress, readNumber } from "../../workers/connections/oracle/driver.ts";
import type { CatalogueTable } from "../../workers/connections/sql/operation.ts";
import { type OracleAnswer, OracleDouble, oracleError } from "../support/oracle-connection.ts";
import { type OracleListener, startOracleListener } from "../support/oracle-listener.ts";

const CALLER = {} as SessionCaller;

const COMMON = {
  kind: "oracle",
  title: "Sales",
  description: "Invoices and customers.",
  owner: "finance@people.example",
  reach: { host: "127.0.0.1", tls: "off", service: "SALES", user: "GATEHOUSE" },
  expose: { tables: ["SHOP.*"], except: ["SHOP.SECRETS"] },
};

function targetOf(change: object = {}): ConnectionTarget & { entry: OracleEntry } {
  return {
    name: "sales",
    revision: "r",
    entry: connectionEntry.parse({ ...COMMON, ...change }) as OracleEntry,
  };
}

function requestOf(
  operation: string,
  args: Record<string, JsonValue> = {},
  identity = {},
): ConnectionRequest {
  const note = "gatehouse user=u-1 trace=0af7651916cd43dd8448eb211c80319c";
  return { id: "1", operation, arguments: args, identity, timeoutMs: 3_000, repeatable: true, note };
}

const query = (sql: string, values: JsonValue[] = [], rows = 5, bytes = 10_000) => ({
  sql,
  values,
  rows,
  bytes,
});

async function open(answers: readonly (readonly [RegExp, OracleAnswer])[] = [], change: object = {}) {
  const double = new OracleDouble(answers);
  const target = targetOf(change);
  const session = await connectOracle(async () => double.link()).open({} as Env, target, "pw", new Map());
  double.asked.splice(0);
  return { double, target, session };
}

describe("a session with Oracle, against a double of the driver's connection", () => {
  it("runs a statement in a transaction that only reads, with bound parameters and the rest of the time", async () => {
    const rows = [{ ID: 1, NAME: "a" }];
    const { double, target, session } = await open([[/FROM orders/, rows]]);
    const args = query("SELECT id, name FROM orders WHERE id > :p1 AND paid = :p2 ;\n", [5, true]);
    expect(await session.run(target, requestOf("query", args), 3_000, CALLER)).toEqual({
      columns: [
        { name: "ID", type: "number", origin: null },
        { name: "NAME", type: "varchar2", origin: null },
      ],
      rows: [[1, "a"]],
      cut: false,
      changed: null,
    });
    expect(double.asked.map(({ sql, binds }) => [sql, binds])).toEqual([
      ["SET TRANSACTION READ ONLY", {}],
      ["SELECT id, name FROM orders WHERE id > :p1 AND paid = :p2 ", { p1: 5, p2: 1 }],
    ]);
    expect(double.ended).toEqual(["rollback"]);
    for (const { callTimeout } of double.asked)
      expect([callTimeout > 0, callTimeout <= 3_000]).toEqual([true, true]);
  });

  it("fetches in batches until rows or bytes are enough", async () => {
    const rows = Array.from({ length: 1_000 }, (_, ID) => ({ ID, TEXT: "x".repeat(1_000) }));
    const { double, target, session } = await open([[/FROM orders/, rows]]);
    const run = (count: number, bytes: number) =>
      session.run(
        target,
        requestOf("query", query("SELECT id FROM orders", [], count, bytes)),
        3_000,
        CALLER,
      );
    expect(await run(2, 10_000)).toMatchObject({ rows: { length: 2 }, cut: true });
    expect(double.fetches).toBe(1);
    expect(await run(500, 5_000)).toMatchObject({ rows: { length: 4 }, cut: true });
    expect(double.fetches).toBe(2);
    expect(await run(150, 10_000_000)).toMatchObject({ rows: { length: 150 }, cut: true });
    expect(double.fetches).toBe(4);
  });

  it("says who calls before each statement, and leaves nothing of an earlier caller", async () => {
    const { double, target, session } = await open();
    const run = (identity: Record<string, string>) =>
      session.run(target, requestOf("query", query("SELECT 1 FROM dual"), identity), 3_000, CALLER);
    await run({ client_identifier: "ann", "clientcontext.role": "viewer", current_schema: "SHOP" });
    await run({ client_identifier: "bob", "clientcontext.role": "admin", current_schema: "SHOP" });
    await run({});
    expect(double.asked.map(({ sql, clientId, binds }) => [sql, clientId, binds])).toEqual([
      [expect.stringContaining("SET_CONTEXT('CLIENTCONTEXT'"), "ann", { name: "role", value: "viewer" }],
      ["SET TRANSACTION READ ONLY", "ann", {}],
      ["SELECT 1 FROM dual", "ann", {}],
      [expect.stringContaining("SET_CONTEXT('CLIENTCONTEXT'"), "bob", { name: "role", value: "admin" }],
      ["SET TRANSACTION READ ONLY", "bob", {}],
      ["SELECT 1 FROM dual", "bob", {}],
      ["SET TRANSACTION READ ONLY", "", {}],
      ["SELECT 1 FROM dual", "", {}],
    ]);
    expect(double.asked[0]?.schema).toBe("SHOP");
  });

  it("runs nothing if it cannot say who calls", async () => {
    const { double, target, session } = await open([
      [/SET_CONTEXT/, oracleError("ORA-01031: insufficient privileges")],
    ]);
    const given = requestOf("query", query("SELECT 1 FROM dual"), { "clientcontext.role": "viewer" });
    await expect(session.run(target, given, 3_000, CALLER)).rejects.toThrow("ORA-01031");
    expect(double.asked.map(({ sql }) => sql)).toEqual([expect.stringContaining("SET_CONTEXT")]);
    expect(double.ended).toEqual(["rollback"]);
  });

  it("shows a plan without keeping it, and writes by named queries alone", async () => {
    const { double, target, session } = await open([
      [/^INSERT/, { rowsAffected: 3 }],
      [/plan_table/, [{ STEP: "TABLE ACCESS FULL", ROWS: 7 }]],
    ]);
    const plan = await session.run(
      target,
      requestOf("explain", query("SELECT 1 FROM orders;")),
      3_000,
      CALLER,
    );
    expect(plan).toMatchObject({ rows: [["TABLE ACCESS FULL", 7]] });
    expect(double.asked[0]?.sql).toMatch(
      /^EXPLAIN PLAN SET STATEMENT_ID = '[0-9a-f-]{30}' INTO sys\.plan_table\$ FOR SELECT 1 FROM orders$/,
    );
    const written = requestOf("write", query("INSERT INTO orders (id) VALUES (:p1)", [1]));
    expect(await session.run(target, written, 3_000, CALLER)).toMatchObject({ changed: 3 });
    expect(double.ended).toEqual(["rollback", "commit"]);
    expect(double.asked.some(({ sql }) => sql.startsWith("SET TRANSACTION"))).toBe(false);
  });

  it("stops a statement at the server, and ends its socket without waiting for it", async () => {
    const { double, session } = await open();
    await session.cancel();
    expect([double.broken, session.isUsable()]).toEqual([1, true]);
    session.close();
    expect([double.destroyed, session.isUsable()]).toEqual([true, false]);
  });

  it.each([
    [
      'ORA-00942: table or view "SHOP"."ORDRS" does not exist',
      "invalid_input",
      /table SHOP\.ORDRS does not exist/,
    ],
    [
      "ORA-00942: table or view does not exist",
      "invalid_input",
      /table that the statement names does not exist/,
    ],
    ['ORA-00904: "O"."AMONT": invalid identifier', "invalid_input", /column O\.AMONT does not exist/],
    ["ORA-00933: SQL command not properly ended", "invalid_input", /not valid SQL/],
    ["ORA-01722: invalid number", "invalid_input", /value does not fit/],
    [
      "ORA-01652: unable to extend temp segment by 128 in tablespace TEMP",
      "invalid_input",
      /not enough room/,
    ],
    ["ORA-01013: user requested cancel of current operation", "timeout", /time limit/],
    ["NJS-123: call timeout of 300 ms exceeded", "timeout", /time limit/],
    ["ORA-01031: insufficient privileges", "forbidden", /may not do this/],
    [
      "ORA-01456: may not perform insert/delete/update operation inside a READ ONLY transaction",
      "forbidden",
      /read-only/,
    ],
    ["ORA-01017: invalid username/password; logon denied", "unavailable", /refuses the account/],
    ["ORA-28000: The account is locked", "unavailable", /refuses the account/],
    ["NJS-116: password verifier type 0x939 is not supported", "unavailable", /form of Oracle 10/],
    ["ORA-00060: deadlock detected", "conflict", /Another change/],
    ["ORA-00001: unique constraint (SHOP.PK) violated", "conflict", /breaks a rule/],
    ["ORA-29999: something host-17.internal", "invalid_input", /error ORA-29999/],
    ["NJS-119: conversion is not supported", "invalid_input", /TO_CHAR|cannot be read/],
  ])("has words of ours for %s", (text, code, message) => {
    const failure = oracle.explain(oracleError(text), targetOf());
    expect(failure).toMatchObject({ code, message: expect.stringMatching(message) });
    expect(JSON.stringify(failure)).not.toContain("host-17");
  });

  it.each([
    "ORA-03113: end-of-file",
    "ORA-12516: no handler",
    "NJS-500: closed",
    "NJS-003: invalid connection",
    "read ECONNRESET",
  ])("takes %s for a database that is away", (text) =>
    expect(oracle.explain(oracleError(text), targetOf())).toBeNull(),
  );

  it("keeps numbers exact", () => {
    expect([".5", "-12.25", "123456789012345", "0", null].map(readNumber)).toEqual([
      0.5,
      -12.25,
      123456789012345,
      0,
      null,
    ]);
    expect(["1234567890123456", "1E+125", "~"].map(readNumber)).toEqual(["1234567890123456", "1E+125", "~"]);
  });
});

const DICTIONARY = [
  [
    /all_objects/,
    [
      { owner: "SHOP", table: "CUSTOMERS", kind: "TABLE", estimate: 12, comment: "People who buy" },
      { owner: "SHOP", table: "REVENUE", kind: "VIEW", estimate: null, comment: null },
      { owner: "SHOP", table: "SECRETS", kind: "TABLE", estimate: 1, comment: null },
      { owner: "HR", table: "STAFF", kind: "TABLE", estimate: 1, comment: null },
    ],
  ],
  [
    /all_tab_columns/,
    [
      {
        owner: "SHOP",
        table: "CUSTOMERS",
        name: "ID",
        type: "NUMBER",
        length: 0,
        precision: 10,
        scale: 0,
        nullable: "N",
        comment: null,
      },
      {
        owner: "SHOP",
        table: "CUSTOMERS",
        name: "EMAIL",
        type: "VARCHAR2",
        length: 200,
        precision: null,
        scale: null,
        nullable: "Y",
        comment: "Address",
      },
      {
        owner: "SHOP",
        table: "CUSTOMERS",
        name: "SUM",
        type: "NUMBER",
        length: 0,
        precision: 10,
        scale: 2,
        nullable: "Y",
        comment: null,
      },
    ],
  ],
  [
    /all_cons_columns/,
    [
      {
        owner: "SHOP",
        table: "CUSTOMERS",
        name: "PK",
        kind: "P",
        column: "ID",
        otherTable: null,
        otherColumn: null,
      },
      {
        owner: "SHOP",
        table: "CUSTOMERS",
        name: "FK",
        kind: "R",
        column: "ID",
        otherTable: "PEOPLE",
        otherColumn: "NR",
      },
      {
        owner: "SHOP",
        table: "CUSTOMERS",
        name: "U",
        kind: "U",
        column: "EMAIL",
        otherTable: null,
        otherColumn: null,
      },
    ],
  ],
] as const;

describe("the dictionary of Oracle, against a double of the driver's connection", () => {
  it("gives tables with columns, keys and comments, and leaves out what is not exposed", async () => {
    const { target, session, double } = await open(DICTIONARY);
    const tables = (await session.run(
      target,
      requestOf("catalogue"),
      3_000,
      CALLER,
    )) as unknown as CatalogueTable[];
    expect(tables.map(({ name, kind }) => [name, kind])).toEqual([
      ["CUSTOMERS", "table"],
      ["REVENUE", "view"],
    ]);
    expect(tables[0]).toMatchObject({
      schema: "SHOP",
      rows: 12,
      comment: "People who buy",
      keys: ["PRIMARY KEY (ID)", "FOREIGN KEY (ID) REFERENCES PEOPLE(NR)", "UNIQUE (EMAIL)"],
      columns: [
        { name: "ID", type: "NUMBER(10)", required: true },
        { name: "EMAIL", type: "VARCHAR2(200)", required: false, comment: "Address" },
        { name: "SUM", type: "NUMBER(10,2)" },
      ],
    });
    expect(double.asked[0]?.sql).toBe("SET TRANSACTION READ ONLY");
  });

  it("says of an account that only reads that it only reads, and what in the entry does not fit", async () => {
    const { target, session } = await open(
      [
        ...DICTIONARY,
        [/session_privs/, [{ privilege: "CREATE SESSION", role: null }]],
        [/user_tab_privs/, [{ privilege: "READ", owner: "SHOP", object: "CUSTOMERS", role: null }]],
        [/ISDBA/, [{ account: "GATEHOUSE", isDba: "FALSE" }]],
      ],
      { columns: { "SHOP.CUSTOMERS.EMIAL": "pii" } },
    );
    expect(await session.inspect(target)).toMatchObject({
      server: "Oracle Database 19.3.0.0.0",
      excess: [],
      exposed: ["SHOP.CUSTOMERS", "SHOP.REVENUE"],
      proposals: { "SHOP.CUSTOMERS.EMAIL": "pii" },
      mistakes: ['columns: "SHOP.CUSTOMERS.EMIAL" does not exist. Did you mean "SHOP.CUSTOMERS.EMAIL"?'],
    });
  });

  it.each([
    [
      "a system privilege",
      [/session_privs/, [{ privilege: "CREATE TABLE", role: null }]],
      "CREATE TABLE",
      "REVOKE CREATE TABLE FROM GATEHOUSE;",
    ],
    [
      "a privilege of a role",
      [/session_privs/, [{ privilege: "INSERT ANY TABLE", role: "ETL" }]],
      "INSERT ANY TABLE, by its role ETL",
      "REVOKE ETL FROM GATEHOUSE;",
    ],
    [
      "the role of administrators",
      [/user_role_privs/, [{ role: "DBA" }]],
      "act as DBA",
      "REVOKE DBA FROM GATEHOUSE;",
    ],
    [
      "a grant to write",
      [/user_tab_privs/, [{ privilege: "INSERT", owner: "SHOP", object: "Odd", role: null }]],
      "INSERT on SHOP.Odd",
      'REVOKE INSERT ON SHOP."Odd" FROM GATEHOUSE;',
    ],
    [
      "a grant to everyone to write",
      [/user_tab_privs/, [{ privilege: "UPDATE", owner: "SHOP", object: "T", role: "PUBLIC" }]],
      "UPDATE on SHOP.T, by PUBLIC",
      "REVOKE UPDATE ON SHOP.T FROM PUBLIC;",
    ],
    [
      "a package that is not offered",
      [/user_tab_privs/, [{ privilege: "EXECUTE", owner: "SHOP", object: "PKG", role: null }]],
      "EXECUTE on SHOP.PKG",
      "REVOKE EXECUTE ON SHOP.PKG FROM GATEHOUSE;",
    ],
    [
      "tables of its own",
      [/user_objects/, [{ object: "T", kind: "TABLE" }]],
      "change what it owns: T",
      "Use an account of its own, which owns nothing.",
    ],
    [
      "SYSDBA",
      [/ISDBA/, [{ account: "SYS", isDba: "TRUE" }]],
      "do everything: it signs in as SYSDBA",
      "Use another account than SYS.",
    ],
  ] as const)("names %s, with what ends it", async (_what, answer, what, remedy) => {
    const { target, session } = await open([
      answer as never,
      [/ISDBA/, [{ account: "GATEHOUSE", isDba: "FALSE" }]],
    ]);
    expect((await session.inspect(target)).excess).toEqual([{ what, remedy, blocking: true }]);
  });

  it("reports without blocking what everyone may call, and rights to read everything", async () => {
    const { target, session } = await open(
      [
        [/session_privs/, [{ privilege: "READ ANY TABLE", role: null }]],
        [/UTL_HTTP/, [{ object: "UTL_HTTP" }]],
        [/user_tab_privs/, [{ privilege: "EXECUTE", owner: "SHOP", object: "NET_PRICE", role: null }]],
      ],
      { functions: ["shop.net_price"] },
    );
    const { excess } = await session.inspect(target);
    expect(excess.map(({ what, blocking }) => [what, blocking])).toEqual([
      ["READ ANY TABLE", false],
      ["call UTL_HTTP, as every account may", false],
    ]);
  });
});

// The real driver, and a listener of ours: what can be known without a database.
describe("a connection to Oracle, against a double of a listener", () => {
  const listeners: OracleListener[] = [];

  afterEach(() => {
    vi.useRealTimers();
    for (const listener of listeners.splice(0)) listener.close();
  });

  async function connect(service: string, change: object = {}) {
    const listener = await startOracleListener();
    listeners.push(listener);
    const target = targetOf({ reach: { ...COMMON.reach, port: listener.port, service, ...change } });
    const opening = oracle.open({} as Env, target, "a secret password", new Map());
    const failure = opening.then(
      () => null,
      (thrown: unknown) => thrown,
    );
    const explain = async () => {
      const thrown = await failure;
      if (thrown instanceof RefusedRequest) return thrown.failure;
      return oracle.explain(thrown, target) ?? describeReach(thrown, target);
    };
    return { listener, explain };
  }

  it.each([
    ["a service that is not there", "NOTHING", /service of Sales does not exist/],
    ["a listener that lets nobody in", "LOCKED", /listener of Sales refuses its clients .error ORA-12526/],
    ["a listener that breaks off", "CLOSED", /does not speak as this kind of server does/],
    ["another kind of server", "GARBAGE", /does not speak as this kind of server does/],
    [
      "a listener that sends clients on to another host",
      "CLUSTER",
      /sends its clients on to another address/,
    ],
    ["a database that is too old", "OLD", /older than Oracle 12\.1/],
  ])("is refused in one sentence with %s", async (_what, service, message) => {
    const { explain } = await connect(service);
    const said = await explain();
    expect(said).toMatchObject({ message: expect.stringMatching(message) });
    expect(JSON.stringify(said)).not.toMatch(/a secret password|NJS-|10\.0\.0\.9/);
  });

  it("is refused where nothing listens", async () => {
    const { explain, listener } = await connect("SALES", { port: 1 });
    expect(await explain()).toMatchObject({ message: "Nothing answers at 127.0.0.1:1." });
    expect(listener.asked).toEqual([]);
  });

  it.each(["SILENT", "DEAF"])("ends the socket of a server that never answers (%s)", async (service) => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const listener = await startOracleListener();
    listeners.push(listener);
    const arrived = listener.nextClient();
    const target = targetOf({ reach: { ...COMMON.reach, port: listener.port, service } });
    const failure = oracle.open({} as Env, target, "pw", new Map()).catch((thrown: unknown) => thrown);
    const socket = await arrived;
    const closed = new Promise((resolve) => socket.once("close", resolve));
    await vi.advanceTimersByTimeAsync(5_000);
    await closed;
    expect(describeReach(await failure, target)).toMatchObject({
      message: expect.stringMatching(/does not answer/),
    });
  });

  it("names service and program to the listener, and nothing of this machine or the account", async () => {
    const { listener, explain } = await connect("NOTHING");
    await explain();
    const [asked = ""] = listener.asked;
    expect(asked).toContain("(SERVICE_NAME=NOTHING)");
    expect(asked).toContain("(SERVER=DEDICATED)");
    expect(asked).not.toMatch(/secret|GATEHOUSE/);
  });

  it("asks at 1521, and at 2484 over TLS, unless the entry names a port", () => {
    const addressOf = (reach: object) =>
      describeAddress(targetOf({ reach: { ...COMMON.reach, ...reach } }).entry.reach);
    expect(addressOf({})).toContain("(PROTOCOL=tcp)(HOST=127.0.0.1)(PORT=1521)");
    expect(addressOf({ tls: "required", host: "db.example" })).toContain(
      "(PROTOCOL=tcps)(HOST=db.example)(PORT=2484)",
    );
    expect(addressOf({ port: 1522 })).toContain("(PORT=1522)");
  });

  it("needs a password", async () => {
    await expect(oracle.open({} as Env, targetOf(), null, new Map())).rejects.toThrow(
      "No password is stored",
    );
  });
});

describe("an entry of Oracle", () => {
  it.each([
    ["a service with parentheses", { reach: { ...COMMON.reach, service: "A)(HOST=10.0.0.1" } }],
    ["an account that signs in for another one", { reach: { ...COMMON.reach, user: "GATE[SYS]" } }],
    ["a database in the place of a service", { reach: { host: "h", database: "x", user: "GATEHOUSE" } }],
    ["a connection string in the place of a host", { reach: { ...COMMON.reach, host: "h:1521/SALES" } }],
    ["a setting that a statement of the account could not have", { identity: { "app.user_id": "user_id" } }],
    ["the schema as a setting", { identity: { current_schema: "user_id" } }],
    ["a misspelt field", { colums: {} }],
    ["a table without its schema", { expose: { tables: ["ORDERS"] } }],
    ["a port that is none", { reach: { ...COMMON.reach, port: 70_000 } }],
  ])("refuses %s", (_what, change) => {
    expect(connectionEntry.safeParse(COMMON).success).toBe(true);
    expect(connectionEntry.safeParse({ ...COMMON, ...change }).success).toBe(false);
  });

  it("comes with the SQL of an account that only reads", () => {
    const sql = suggestAccount(targetOf({ expose: { tables: ["SHOP.ORDERS", "HR.*"] } }).entry);
    expect(sql).toContain("GRANT CREATE SESSION TO gatehouse;");
    expect(sql).toContain("GRANT READ ON SHOP.ORDERS TO gatehouse;");
    expect(sql).toContain("WHERE owner LIKE 'HR'");
    expect(sql).not.toMatch(/DBA|RESOURCE|ANY TABLE/);
  });
});
