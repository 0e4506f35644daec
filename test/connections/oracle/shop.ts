import { connectionEntry } from "../../../shared/connections/entry.ts";
import type { OracleEntry } from "../../../shared/connections/kinds/oracle.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import type { ConnectionRequest, ConnectionTarget } from "../../../shared/objects/connection-gate.ts";
import type { SessionCaller } from "../../../workers/connections/connector.ts";
import { connectOracle } from "../../../workers/connections/oracle/connector.ts";
import { type OracleAnswer, OracleDouble } from "../../support/oracle-connection.ts";

/** A session of Oracle asks its caller nothing. */
export const CALLER = { checkCancelled: () => {} } as SessionCaller;

export const COMMON = {
  kind: "oracle",
  title: "Sales",
  description: "Invoices and customers.",
  owner: "finance@people.example",
  reach: { host: "127.0.0.1", tls: "off", service: "SALES", user: "GATEHOUSE" },
  expose: { tables: ["SHOP.*"], except: ["SHOP.SECRETS"] },
};

export function targetOf(change: object = {}): ConnectionTarget & { entry: OracleEntry } {
  return {
    name: "sales",
    revision: "r",
    entry: connectionEntry.parse({ ...COMMON, ...change }) as OracleEntry,
  };
}

export function requestOf(
  operation: string,
  args: Record<string, JsonValue> = {},
  identity = {},
): ConnectionRequest {
  const note = "gatehouse user=u-1 trace=0af7651916cd43dd8448eb211c80319c";
  return { id: "1", operation, arguments: args, identity, timeoutMs: 3_000, repeatable: true, note };
}

/** A statement with its bounds. */
export const query = (sql: string, values: JsonValue[] = [], rows = 5, bytes = 10_000) => ({
  sql,
  values,
  rows,
  bytes,
});

/** A session on a double of the driver. */
export async function open(answers: readonly (readonly [RegExp, OracleAnswer])[] = [], change: object = {}) {
  const double = new OracleDouble(answers);
  const target = targetOf(change);
  const session = await connectOracle(async () => double.link()).open({} as Env, target, "pw", new Map());
  double.asked.splice(0);
  return { double, target, session };
}

/** What the dictionary of a small shop answers. */
export const DICTIONARY = [
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
      {
        owner: "SHOP",
        table: "REVENUE",
        name: "TOTAL",
        type: "NUMBER",
        length: 0,
        precision: null,
        scale: null,
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
