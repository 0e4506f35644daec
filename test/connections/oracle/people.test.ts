import { describe, expect, it, vi } from "vitest";
import type { MaskRules } from "../../../shared/call/mask-rules.ts";
import type { PrincipalIdentity } from "../../../shared/call/principal.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import type { ConnectionRequest, ConnectionTarget } from "../../../shared/objects/connection-gate.ts";
import { connectOracle } from "../../../workers/connections/oracle/connector.ts";
import { SqlHandle } from "../../../workers/connections/sql/handle.ts";
import { OracleDouble } from "../../support/oracle-connection.ts";
import { HIDDEN_ATTEMPTS } from "../attempts/hidden-oracle.ts";
import { CALLER, DICTIONARY, targetOf } from "./shop.ts";

const LIMITS = {
  signal: new AbortController().signal,
  timeLeft: () => 3_000,
  publication: 1,
  fromCache: () => {},
};

const SHOWN: MaskRules = {
  fields: { public: "show", internal: "show", pii: "show", secret: "drop" },
  text: [],
};
const MASKED: MaskRules = {
  fields: { public: "show", internal: "show", pii: "mask", secret: "drop" },
  text: [],
};

const ROWS = [{ ID: 1 }];

/** Calls of one person after the other on one session: the driver is a double, everything above it is not. */
async function connect(change: object = {}, rows: readonly Record<string, unknown>[] = ROWS) {
  const double = new OracleDouble([...DICTIONARY, [/FROM (shop\.)?customers/i, rows]]);
  const target = targetOf({ columns: { "SHOP.CUSTOMERS.EMAIL": "pii" }, ...change });
  const session = await connectOracle(async () => double.link()).open({} as Env, target, "pw", new Map());
  const run = async (given: ConnectionTarget, request: ConnectionRequest) => ({
    ok: true,
    value: (await session.run(given, request, request.timeoutMs, CALLER)) as JsonValue,
  });
  const CONNECTION_POOL = { idFromName: (name: string) => name, get: () => ({ run }) };
  const env = { CONNECTION_POOL } as unknown as Env;
  const revision = crypto.randomUUID();
  const as = (person: string, masks: MaskRules = SHOWN) =>
    new SqlHandle({
      env,
      name: "sales",
      revision,
      entry: target.entry,
      principal: { userId: person, email: `${person}@people.example`, role: "viewer" } as PrincipalIdentity,
      masks,
    });
  return { double, as };
}

describe("an Oracle connection as people call it, with a double in the place of the driver", () => {
  it("tells the database who calls, each person in their own statement", async () => {
    const identity = { client_identifier: "user_id", "clientcontext.email": "email" };
    const { double, as } = await connect({ identity });
    await as("ann").catalogue(LIMITS);
    double.asked.splice(0);
    for (const person of ["ann", "bob"]) await as(person).query("SELECT id FROM customers", [], 5, LIMITS);
    const statements = double.asked.filter(({ sql }) => sql.startsWith("SELECT"));
    expect(statements.map(({ clientId, schema }) => [clientId, schema])).toEqual([
      ["ann", "SHOP"],
      ["bob", "SHOP"],
    ]);
    const contexts = double.asked.filter(({ sql }) => sql.includes("SET_CONTEXT"));
    expect(contexts.map(({ binds, clientId }) => [clientId, binds])).toEqual([
      ["ann", { name: "email", value: "ann@people.example" }],
      ["bob", { name: "email", value: "bob@people.example" }],
    ]);
  });

  it("sends the database no statement that would change who calls, or that uses what the role may not see", async () => {
    const { double, as } = await connect();
    await as("ann").catalogue(LIMITS);
    double.asked.splice(0);
    const changes = [
      "SELECT DBMS_SESSION.SET_IDENTIFIER('bob') FROM dual",
      "BEGIN DBMS_SESSION.SET_IDENTIFIER('bob'); END;",
      "ALTER SESSION SET CURRENT_SCHEMA = HR",
    ];
    const email = HIDDEN_ATTEMPTS.map(({ sql }) => sql).filter(
      (sql) => /email/i.test(sql) && !/orders/.test(sql),
    );
    expect(email.length).toBeGreaterThanOrEqual(40);
    for (const sql of [...changes, ...email, "SELECT * FROM customers"])
      for (const use of ["query", "explain"] as const) {
        const handle = as("ann", MASKED);
        const calling = use === "query" ? handle.query(sql, [], 5, LIMITS) : handle.explain(sql, [], LIMITS);
        await expect(calling, sql).rejects.toMatchObject({
          code: expect.stringMatching(/forbidden|invalid_input/),
        });
      }
    expect(double.asked).toEqual([]);
    expect(await as("ann", MASKED).query("SELECT id FROM customers", [], 5, LIMITS)).toMatchObject({
      rows: [[1]],
    });
  });

  it("refuses an answer with columns that the judge did not see, for a role with masks", async () => {
    const { as } = await connect({}, [{ ID: 1, SUM: 2 }]);
    const handle = (masks?: MaskRules) => as("ann", masks);
    for (const sql of [
      "SELECT id FROM customers",
      "SELECT id, sum + 1, id FROM customers",
      "SELECT id, name FROM (SELECT id, sum AS name FROM customers)",
    ])
      await expect(handle(MASKED).query(sql, [], 5, LIMITS), sql).rejects.toMatchObject({
        code: "forbidden",
      });
    expect(await handle(MASKED).query("SELECT c.id, sum FROM customers c", [], 5, LIMITS)).toMatchObject({
      rows: [[1, 2]],
    });
    const named = { title: "Q", description: "q", parameters: {}, effect: "read" } as const;
    const query = { ...named, sql: "SELECT id FROM customers" };
    await expect(handle(MASKED).runNamed("q", query, [], LIMITS)).rejects.toMatchObject({
      code: "forbidden",
    });
  });

  it("judges and runs a statement by one and the same catalogue", async () => {
    const { double, as } = await connect();
    let now = 0;
    const clock = vi.spyOn(Date, "now").mockImplementation(() => {
      now += 100_000;
      return now;
    });
    await as("ann").query("SELECT id FROM customers", [], 5, LIMITS);
    clock.mockRestore();
    expect(double.asked.filter(({ sql }) => sql.includes("all_objects"))).toHaveLength(1);
  });

  it("runs a named query for a role that could write it itself, and for no other", async () => {
    const { double, as } = await connect();
    const named = { title: "Q", description: "q", parameters: {}, effect: "read" } as const;
    const sql = "SELECT id FROM customers WHERE email = :p1";
    expect(await as("ann").runNamed("q", { ...named, sql }, ["a"], LIMITS)).toMatchObject({ rows: [[1]] });
    double.asked.splice(0);
    await expect(as("bob", MASKED).runNamed("q", { ...named, sql }, ["a"], LIMITS)).rejects.toMatchObject({
      code: "forbidden",
      message: expect.stringContaining('"EMAIL" is hidden'),
    });
    expect(double.asked).toEqual([]);
  });
});
