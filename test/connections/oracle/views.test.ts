import { describe, expect, it } from "vitest";
import type { MaskRules } from "../../../shared/call/mask-rules.ts";
import type { PrincipalIdentity } from "../../../shared/call/principal.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import type { ConnectionRequest, ConnectionTarget } from "../../../shared/objects/connection-gate.ts";
import { connectOracle } from "../../../workers/connections/oracle/connector.ts";
import { SqlHandle } from "../../../workers/connections/sql/handle.ts";
import { OracleDouble } from "../../support/oracle-connection.ts";
import { CALLER, targetOf } from "./shop.ts";

const LIMITS = {
  ...{ signal: new AbortController().signal, timeLeft: () => 3_000, publication: 1, fromCache: () => {} },
};
const SHOWN: MaskRules = {
  fields: { public: "show", internal: "show", pii: "show", secret: "drop" },
  text: [],
};
const MASKED: MaskRules = { ...SHOWN, fields: { ...SHOWN.fields, pii: "mask" } };

const table = (name: string, kind: string) => ({
  ...{ owner: "SHOP", table: name, kind, estimate: null, comment: null },
});
const column = (of: string, name: string) => ({
  ...{ owner: "SHOP", table: of, name, type: "VARCHAR2", length: 80, precision: null, scale: null },
  ...{ nullable: "Y", comment: null },
});

/** MAILS is a view of CUSTOMERS, with names of its own; ADDRESSES is one of MAILS. ORDERS has nothing that is hidden. */
const DICTIONARY = [
  [
    /all_objects/,
    [
      table("CUSTOMERS", "TABLE"),
      table("ORDERS", "TABLE"),
      table("MAILS", "VIEW"),
      table("ADDRESSES", "VIEW"),
    ],
  ],
  [
    /all_tab_columns/,
    [
      ...["ID", "EMAIL"].map((name) => column("CUSTOMERS", name)),
      column("ORDERS", "ID"),
      ...["ID", "REACH"].map((name) => column("MAILS", name)),
      ...["NR", "PLACE"].map((name) => column("ADDRESSES", name)),
    ],
  ],
] as const;

async function connect(columns: Record<string, string>) {
  const double = new OracleDouble([...DICTIONARY, [/FROM/, [{ X: "ann@people.example" }]]]);
  const target = targetOf({ columns: { "SHOP.CUSTOMERS.EMAIL": "pii", ...columns } });
  const session = await connectOracle(async () => double.link()).open({} as Env, target, "pw", new Map());
  const run = async (given: ConnectionTarget, request: ConnectionRequest) => ({
    ok: true,
    value: (await session.run(given, request, request.timeoutMs, CALLER)) as JsonValue,
  });
  const env = {
    CONNECTION_POOL: { idFromName: (name: string) => name, get: () => ({ run }) },
  } as unknown as Env;
  const revision = crypto.randomUUID();
  const as = (masks: MaskRules) =>
    new SqlHandle({
      ...{ env, name: "sales", revision, entry: target.entry, masks },
      principal: { userId: "ann", email: "ann@people.example", role: "viewer" } as PrincipalIdentity,
    });
  await as(SHOWN).catalogue(LIMITS);
  double.asked.splice(0);
  return { double, as };
}

describe("a view of Oracle over a table with a column that a role may not see", () => {
  const reaching = [
    "SELECT reach AS x FROM mails",
    "SELECT place AS x FROM addresses",
    "SELECT nr AS x FROM addresses",
    "SELECT id AS x FROM mails WHERE reach LIKE 'a%'",
    "SELECT o.id AS x FROM orders o JOIN mails m ON m.id = o.id",
    "SELECT COUNT(*) AS x FROM mails",
    "SELECT * FROM mails",
    "SELECT id AS x FROM orders WHERE EXISTS (SELECT 1 FROM addresses)",
  ];

  it("gives it no way to the column, at any depth, and nothing is sent", async () => {
    const { double, as } = await connect({});
    for (const sql of reaching)
      await expect(as(MASKED).query(sql, [], 5, LIMITS), sql).rejects.toMatchObject({ code: "forbidden" });
    const named = { title: "Q", description: "q", parameters: {}, effect: "read" } as const;
    for (const sql of reaching)
      await expect(as(MASKED).runNamed("q", { ...named, sql }, [], LIMITS), sql).rejects.toMatchObject({
        code: "forbidden",
      });
    expect(double.asked).toEqual([]);
    expect(await as(MASKED).query("SELECT id AS x FROM orders", [], 5, LIMITS)).toMatchObject({ cut: false });
  });

  it("is there for a role that may see the column", async () => {
    const { as } = await connect({});
    for (const sql of reaching.filter((one) => !one.includes("*")))
      expect(await as(SHOWN).query(sql, [], 5, LIMITS), sql).toMatchObject({
        rows: [["ann@people.example"]],
      });
  });

  it("shows the columns of its own that the file names, and no others", async () => {
    const { double, as } = await connect({ "SHOP.MAILS.ID": "internal" });
    expect(await as(MASKED).query("SELECT id AS x FROM mails", [], 5, LIMITS)).toMatchObject({ cut: false });
    double.asked.splice(0);
    for (const sql of ["SELECT reach AS x FROM mails", "SELECT nr AS x FROM addresses"])
      await expect(as(MASKED).query(sql, [], 5, LIMITS), sql).rejects.toMatchObject({ code: "forbidden" });
    expect(double.asked).toEqual([]);
  });
});
