import { describe, expect, it } from "vitest";
import { RefusedRequest, UnansweredCommit } from "../../../workers/connections/connector.ts";
import { oracle } from "../../../workers/connections/oracle/connector.ts";
import { readNumber } from "../../../workers/connections/oracle/driver.ts";
import { oracleError } from "../../support/oracle-connection.ts";
import { CALLER, DICTIONARY, open, query, requestOf, targetOf } from "./shop.ts";

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
    const { double, target, session } = await open([[/SESSION_USER/, [{ account: "GATEHOUSE" }]]]);
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
      [expect.stringContaining("SESSION_USER"), "", {}],
      [expect.stringContaining("SET_CONTEXT('CLIENTCONTEXT'"), "", { name: "role", value: "" }],
      ["SET TRANSACTION READ ONLY", "", {}],
      ["SELECT 1 FROM dual", "", {}],
    ]);
    expect([double.asked[0]?.schema, double.asked.at(-1)?.schema]).toEqual(["SHOP", "GATEHOUSE"]);
  });

  it.each([
    ["the catalogue", false],
    ["an inspection", true],
  ])("leaves nothing of an earlier caller for %s either", async (_what, inspects) => {
    const { double, target, session } = await open([
      ...DICTIONARY,
      [/SESSION_USER'\) AS "account" FROM sys/, [{ account: "GATEHOUSE" }]],
    ]);
    const identity = { client_identifier: "ann", "clientcontext.role": "viewer", current_schema: "SHOP" };
    await session.run(target, requestOf("query", query("SELECT 1 FROM dual"), identity), 3_000, CALLER);
    double.asked.splice(0);
    if (inspects) await session.inspect(target);
    else await session.run(target, requestOf("catalogue"), 3_000, CALLER);
    expect(double.asked[1]).toMatchObject({ clientId: "", binds: { name: "role", value: "" } });
    for (const { schema, clientId } of double.asked.slice(2))
      expect([schema, clientId]).toEqual(["GATEHOUSE", ""]);
  });

  it.each([
    ["AL32UTF8", true],
    ["UTF8", true],
    ["WE8MSWIN1252", false],
    ["an unknown set", false],
  ])(
    "sends letters outside of ASCII in a statement or a name only where all are kept: %s",
    async (set, is) => {
      const known = set === "an unknown set" ? [] : [{ characters: set }];
      const { double, target, session } = await open([[/NLS_CHARACTERSET/, known]]);
      const run = (operation: string, sql: string, values: string[] = [], identity = {}) =>
        session.run(target, requestOf(operation, query(sql, values), identity), 3_000, CALLER);
      await run("query", "SELECT :p1 FROM dual", ["\u0161"]);
      expect(double.asked.some(({ sql }) => sql.includes("NLS_CHARACTERSET"))).toBe(false);
      const attempts = [
        () => run("query", "SELECT q'!a\uff01', 1 AS \"b\" FROM dual"),
        () => run("explain", "SELECT '\u0161' FROM dual"),
        () => run("query", "SELECT 1 FROM dual", [], { client_identifier: "J\u0161" }),
        () => run("query", "SELECT 1 FROM dual", [], { "clientcontext.name": "J\u0161" }),
      ];
      for (const attempt of attempts) {
        double.asked.splice(0);
        const refused = await attempt().then(
          () => null,
          (thrown: { failure?: object }) => thrown.failure,
        );
        expect(refused).toEqual(
          is ? null : expect.objectContaining({ message: expect.stringMatching(/character set/) }),
        );
        const sent = double.asked.filter((one) => /[\u0080-\uffff]/.test(JSON.stringify(one)));
        expect(sent.length > 0).toBe(is);
      }
    },
  );

  it("refuses a person whom it would have to name with another's letters, before anything is sent for them", async () => {
    const { double, target, session } = await open();
    const given = requestOf("query", query("SELECT 1 FROM dual"), { client_identifier: "J\u0161" });
    await expect(session.run(target, given, 3_000, CALLER)).rejects.toMatchObject({
      failure: { code: "forbidden" },
    });
    expect(double.asked.map(({ clientId }) => clientId)).toEqual([""]);
  });

  it("refuses a person whose name the database would cut, who could be taken for another", async () => {
    const { double, target, session } = await open();
    const given = requestOf("query", query("SELECT 1 FROM dual"), { client_identifier: "ä".repeat(33) });
    await expect(session.run(target, given, 3_000, CALLER)).rejects.toMatchObject({
      failure: { code: "forbidden", message: expect.stringContaining("64 bytes") },
    });
    expect(double.asked).toEqual([]);
  });

  it("says that an answer is too large whose bytes ended the socket", async () => {
    const { double, target, session } = await open([
      [/FROM orders/, oracleError("NJS-500: connection closed")],
    ]);
    double.wire.isOver = true;
    const given = requestOf("query", query("SELECT data FROM orders"));
    await expect(session.run(target, given, 3_000, CALLER)).rejects.toThrow("too large to be read");
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
      requestOf("explain", query("SELECT 1 FROM orders WHERE id = :p1;", [1])),
      3_000,
      CALLER,
    );
    expect(plan).toMatchObject({ rows: [["TABLE ACCESS FULL", 7]] });
    expect(double.asked[0]).toMatchObject({
      sql: "BEGIN EXECUTE IMMEDIATE :statement; END;",
      binds: {
        statement: expect.stringMatching(
          /^EXPLAIN PLAN SET STATEMENT_ID = '[0-9a-f-]{30}' INTO sys\.plan_table\$ FOR SELECT 1 FROM orders WHERE id = :p1$/,
        ),
      },
    });
    const written = requestOf("write", query("INSERT INTO orders (id) VALUES (:p1)", [1]));
    expect(await session.run(target, written, 3_000, CALLER)).toMatchObject({ changed: 3 });
    expect(double.ended).toEqual(["rollback", "commit"]);
    expect(double.asked.some(({ sql }) => sql.startsWith("SET TRANSACTION"))).toBe(false);
  });

  it("says of a procedure that failed that it may have committed changes, and of a statement why it failed", async () => {
    const rule = oracleError("ORA-00001: unique constraint (SHOP.PK) violated");
    const { double, target, session } = await open([[/^(BEGIN|INSERT)/, rule]]);
    const write = async (sql: string) =>
      await session
        .run(target, requestOf("write", query(sql, [1])), 3_000, CALLER)
        .catch((thrown: unknown) => oracle.explain(thrown, target) ?? (thrown as RefusedRequest).failure);
    expect(await write("BEGIN shop.close_month(:p1); END;")).toMatchObject({ code: "outcome_unknown" });
    expect(await write("INSERT INTO orders (id) VALUES (:p1);")).toMatchObject({ code: "conflict" });
    const asked = double.asked.map(({ sql }) => sql).filter((sql) => /^(BEGIN|INSERT)/.test(sql));
    expect(asked).toEqual(["BEGIN shop.close_month(:p1); END;", "INSERT INTO orders (id) VALUES (:p1)"]);
  });

  it("sends a block of PL/SQL with its semicolon, whatever comment is in front of it", async () => {
    const { double, target, session } = await open([]);
    const blocks = [
      "/* month */ BEGIN shop.close_month(:p1); END;",
      "-- month\nDECLARE n NUMBER := 1; BEGIN NULL; END;",
    ];
    for (const sql of blocks) await session.run(target, requestOf("write", query(sql, [1])), 3_000, CALLER);
    const asked = double.asked.map(({ sql }) => sql).filter((sql) => /BEGIN/.test(sql));
    expect(asked).toEqual(blocks);
  });

  it("says of a procedure whose caller has hung up that it may have committed changes", async () => {
    const { target, session } = await open([]);
    let checks = 0;
    const checkCancelled = () => {
      checks += 1;
      if (checks > 1) throw new RefusedRequest({ code: "cancelled", message: "Gone.", sent: false });
    };
    const asked = requestOf("write", query("BEGIN shop.close_month(:p1); END;", [1]));
    const run = session.run(target, asked, 3_000, { ...CALLER, checkCancelled });
    await expect(run).rejects.toMatchObject({ failure: { code: "outcome_unknown" } });
  });

  it("takes a lost connection in a procedure for an outage", async () => {
    const { target, session } = await open([
      [/^BEGIN/, oracleError("NJS-500: connection to the Oracle Database was broken")],
    ]);
    const asked = requestOf("write", query("BEGIN shop.close_month(:p1); END;", [1]));
    const failure = await session.run(target, asked, 3_000, CALLER).catch((thrown: unknown) => thrown);
    expect(failure).not.toBeInstanceOf(RefusedRequest);
    expect(oracle.explain(failure, target)).toBeNull();
  });

  it.each([
    ["NJS-123: call timeout of 1000 ms exceeded", null],
    ["ORA-01013: user requested cancel of current operation", null],
    ["ORA-12609: TNS: Receive timeout occurred", null],
    ["ORA-02091: transaction rolled back", "conflict"],
    ["ORA-08177: can't serialize access for this transaction", "conflict"],
  ])(
    "takes a COMMIT that fails for one that may be done, unless it was rolled back: %s",
    async (text, code) => {
      const { double, target, session } = await open([[/^INSERT/, { rowsAffected: 3 }]]);
      double.failureOfCommit = oracleError(text);
      const written = requestOf("write", query("INSERT INTO orders (id) VALUES (:p1)", [1]));
      const failure = await session.run(target, written, 3_000, CALLER).catch((thrown: unknown) => thrown);
      expect(failure instanceof UnansweredCommit).toBe(code === null);
      expect(oracle.explain(failure, target)?.code ?? null).toBe(code);
      expect(session.isUsable()).toBe(code !== null);
    },
  );

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
