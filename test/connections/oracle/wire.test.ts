import { afterEach, describe, expect, it } from "vitest";
import type { Session } from "../../../workers/connections/connector.ts";
import { oracle } from "../../../workers/connections/oracle/connector.ts";
import { type OracleListener, startOracleListener } from "../../support/oracle-listener.ts";
import type { WireAnswer } from "../../support/oracle-server.ts";
import { CALLER, COMMON, query, requestOf, targetOf } from "./shop.ts";

const PASSWORD = "only-reads";

// The real driver, from sign-in to rows; the server speaks the protocol as this driver knows it, and runs no SQL.
describe("the driver of Oracle, against a double of the database's wire protocol", () => {
  const open: { listener: OracleListener; session?: Session }[] = [];

  afterEach(() => {
    for (const { listener, session } of open.splice(0)) {
      session?.close();
      listener.close();
    }
  });

  async function signIn(answer: (sql: string) => WireAnswer = () => [], password = PASSWORD) {
    const database = { service: "SALES", user: "GATEHOUSE", password: PASSWORD, answer };
    const listener = await startOracleListener(undefined, database);
    const opened: (typeof open)[number] = { listener };
    open.push(opened);
    const target = targetOf({ reach: { ...COMMON.reach, port: listener.port } });
    const session = await oracle.open({} as Env, target, password, new Map());
    opened.session = session;
    const run = (sql: string, identity = {}, values: (string | number)[] = []) =>
      session.run(target, requestOf("query", query(sql, values), identity), 3_000, CALLER);
    return { listener, target, session, run };
  }

  it("signs in, says who calls with each statement, and reads rows", async () => {
    const rows = [
      { ID: 7, NAME: "Ann" },
      { ID: 1_234_500, NAME: null },
    ];
    const { listener, run, session } = await signIn((sql) =>
      /customers/.test(sql) ? rows : /SESSION_USER/.test(sql) ? [{ account: "GATEHOUSE" }] : [],
    );
    const sql = "SELECT id, name FROM customers WHERE id > :p1";
    expect(await run(sql, { client_identifier: "person-ann", current_schema: "SHOP" }, [5])).toEqual({
      columns: [
        { name: "ID", type: "number", origin: null },
        { name: "NAME", type: "varchar2", origin: null },
      ],
      rows: [
        [7, "Ann"],
        [1_234_500, null],
      ],
      cut: false,
      changed: null,
    });
    expect(listener.statements).toEqual([
      expect.stringContaining("NLS_DATE_FORMAT"),
      "SET TRANSACTION READ ONLY",
      expect.stringContaining(sql),
    ]);
    const [first = ""] = listener.calls.filter((call) => call.includes("SET TRANSACTION"));
    for (const said of ["person-ann", "SHOP", "gatehouse", "0af7651916cd43dd8448eb211c80319c"])
      expect(first).toContain(said);
    await run("SELECT 1 AS one FROM dual", { client_identifier: "person-bob" });
    const after = listener.calls.slice(listener.calls.indexOf(first) + 1).join("\n");
    expect(after).toContain("person-bob");
    expect(listener.calls.find((call) => call.includes("AS one"))).not.toContain("SHOP");
    expect(listener.calls.join("\n")).not.toContain(PASSWORD);
    expect(session.isUsable()).toBe(true);
  });

  it("is refused with a wrong password", async () => {
    const failure = await signIn(() => [], "wrong").catch((thrown: unknown) => thrown);
    expect(oracle.explain(failure, targetOf())).toMatchObject({
      code: "unavailable",
      message: "Sales refuses the account of this connection.",
    });
  });

  it("goes on after an error of the database", async () => {
    const error = 'ORA-00904: "AMONT": invalid identifier';
    const { run, target } = await signIn((sql) => (/amont/.test(sql) ? { error } : [{ ONE: 1 }]));
    const failure = await run("SELECT amont FROM orders").catch((thrown: unknown) => thrown);
    expect(oracle.explain(failure, target)).toMatchObject({ message: "The column AMONT does not exist." });
    expect(await run("SELECT 1 AS one FROM dual")).toMatchObject({ rows: [[1]] });
  });

  it("stops a statement at the server, and goes on with the session", async () => {
    const { run, session, target, listener } = await signIn((sql) =>
      /forever/.test(sql) ? "hang" : [{ ONE: 1 }],
    );
    const arrived = listener.statement(/forever/);
    const running = run("SELECT 1 AS one FROM forever").catch((thrown: unknown) => thrown);
    await arrived;
    await session.cancel();
    expect(oracle.explain(await running, target)).toMatchObject({ code: "timeout" });
    expect(await run("SELECT 1 AS one FROM dual")).toMatchObject({ rows: [[1]] });
  });

  it("ends with a session whose server has gone", async () => {
    const { run, session, target, listener } = await signIn((sql) => (/forever/.test(sql) ? "hang" : []));
    const arrived = listener.statement(/forever/);
    const running = run("SELECT 1 AS one FROM forever").catch((thrown: unknown) => thrown);
    await arrived;
    listener.close();
    expect(oracle.explain(await running, target)).toBeNull();
    expect(session.isUsable()).toBe(false);
  });
});
