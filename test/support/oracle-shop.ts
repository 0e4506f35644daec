import type { OracleDatabase, WireAnswer } from "./oracle-server.ts";

const OWNER = { owner: "SHOP", table: "CUSTOMERS" };
const COLUMN = { ...OWNER, length: 0, precision: 10, scale: 0, nullable: "N", comment: null };

const PEOPLE = [
  { ID: 1, NAME: "Ann", EMAIL: "ann@people.example" },
  { ID: 2, NAME: "Bob", EMAIL: "bob@people.example" },
];

/** What the double answers, by what stands in a statement; the first counts. */
const ANSWERS: readonly (readonly [RegExp, WireAnswer])[] = [
  [/all_objects/, [{ ...OWNER, kind: "TABLE", estimate: 2, comment: "People who buy" }]],
  [
    /all_tab_columns/,
    [
      { ...COLUMN, name: "ID", type: "NUMBER" },
      { ...COLUMN, name: "NAME", type: "VARCHAR2", length: 60 },
      { ...COLUMN, name: "EMAIL", type: "VARCHAR2", length: 200, nullable: "Y" },
    ],
  ],
  [
    /all_constraints/,
    [{ ...OWNER, name: "PK", kind: "P", column: "ID", otherTable: null, otherColumn: null }],
  ],
  [/ISDBA/, [{ account: "GATEHOUSE", isDba: "FALSE" }]],
  [/SESSION_USER'\) AS "account" FROM sys/, [{ account: "GATEHOUSE" }]],
  [/session_privs/, [{ privilege: "CREATE SESSION", role: null }]],
  [/user_tab_privs/, [{ privilege: "READ", owner: "SHOP", object: "CUSTOMERS", role: null }]],
  [/all_tab_privs|user_role_privs|user_objects/, []],
  [/email FROM/, PEOPLE],
  [/customers/, PEOPLE.map(({ ID, NAME }) => ({ ID, NAME }))],
];

/** A double of a shop's database, with an account that only reads. It runs no SQL. */
export function oracleShop(password: string): OracleDatabase & { service: string } {
  const answer = (sql: string) => ANSWERS.find(([pattern]) => pattern.test(sql))?.[1] ?? [];
  return { service: "SALES", user: "GATEHOUSE", password, answer };
}
