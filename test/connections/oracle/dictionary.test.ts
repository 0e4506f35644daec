import { describe, expect, it } from "vitest";
import type { CatalogueTable } from "../../../workers/connections/sql/operation.ts";
import { CALLER, DICTIONARY, open, requestOf } from "./shop.ts";

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

  it("takes named queries that write, and says of each what does not fit", async () => {
    const write = (sql: string, names: readonly string[] = []) => ({
      ...{ title: "A write", description: "Writes.", effect: "update", sql },
      parameters: Object.fromEntries(names.map((name) => [name, { type: "integer", description: name }])),
    });
    const queries = {
      paid: write("UPDATE invoices SET paid = 1 WHERE id = :p1;", ["id"]),
      closed: write("BEGIN shop.close_month(:p1, :p2); END;", ["year", "month"]),
      counted: write(
        "BEGIN UPDATE invoices SET paid = 1 WHERE id = :p1; IF SQL%ROWCOUNT = 0 THEN raise_application_error(-20001, 'none'); END IF; END;",
        ["id"],
      ),
      looped: write("DECLARE n NUMBER := 0; BEGIN <<each>> FOR i IN 1..3 LOOP n := n + :p1; END LOOP; END;", [
        "id",
      ]),
      called: write("CALL shop.close_month(:p1)", ["year", "month"]),
      two: write("UPDATE invoices SET paid = 1; DELETE FROM orders"),
      open: write("BEGIN shop.close_month(1); END"),
      slash: write("BEGIN shop.close_month(1); END;\n/"),
      gone: write("DROP TABLE invoices"),
      hidden: write("/* UPDATE */ TRUNCATE TABLE invoices"),
      locked: { ...write("SELECT id FROM customers FOR UPDATE"), effect: "read" },
    };
    const { target, session } = await open(DICTIONARY, { queries });
    expect((await session.inspect(target)).mistakes).toEqual([
      "queries.called.parameters: The statement takes 1 parameter, and 2 are declared.",
      "queries.two.sql: Only one statement is allowed.",
      "queries.open.sql: A block of PL/SQL ends with END and a semicolon.",
      "queries.slash.sql: A block of PL/SQL ends with END and a semicolon.",
      "queries.gone.sql: A statement that changes something begins with INSERT, UPDATE, DELETE, MERGE, CALL, BEGIN, DECLARE.",
      "queries.hidden.sql: A statement that changes something begins with INSERT, UPDATE, DELETE, MERGE, CALL, BEGIN, DECLARE.",
      expect.stringMatching(/^queries\.locked\.sql: /),
    ]);
  });

  it("proposes classes by values where names say nothing", async () => {
    const [objects, [columns, [column]]] = DICTIONARY as never as [never, [RegExp, object[]]];
    const named = [{ ...column, name: "REACH_BY", type: "VARCHAR2", length: 80 }];
    const { target, session, double } = await open([
      objects,
      [columns, named],
      [/session_privs/, [{ privilege: "CREATE SESSION", role: null }]],
      [
        /FROM "SHOP"\."CUSTOMERS" FETCH FIRST 20 ROWS ONLY/,
        [{ c0: "ann@people.example" }, { c0: "bob@people.example" }],
      ],
    ]);
    expect((await session.inspect(target)).proposals).toEqual({ "SHOP.CUSTOMERS.REACH_BY": "pii" });
    expect(double.asked.some(({ sql }) => sql.includes('SUBSTR("REACH_BY", 1, 200)'))).toBe(true);
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
