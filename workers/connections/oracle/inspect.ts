import type { OracleEntry } from "../../../shared/connections/kinds/oracle.ts";
import {
  type ConnectionReport,
  type Inspected,
  NOT_INSPECTED,
} from "../../../shared/objects/connection-gate.ts";
import { checkAgainstCatalogue } from "../sql/check-catalogue.ts";
import { judgeQueries } from "../sql/check-queries.ts";
import type { Ask } from "../sql/exposed-catalogue.ts";
import { proposeFromSample, type SampleDialect } from "../sql/sample-classes.ts";
import { readOracleCatalogue } from "./catalogue.ts";

const CHARACTERS =
  "SELECT value AS \"characters\" FROM sys.nls_database_parameters WHERE parameter = 'NLS_CHARACTERSET'";

/** Whether every letter has a code of its own in the database's character set (Oracle, «Supporting Multilingual Databases with Unicode»). */
export async function keepsEveryLetter(ask: Ask): Promise<boolean> {
  const { rows } = await ask<{ characters: string | null }>(CHARACTERS);
  return ["AL32UTF8", "UTF8"].includes(rows[0]?.characters ?? "");
}

/** System privileges that neither write nor create (Oracle, «System Privileges»). */
const READING: readonly string[] = ["CREATE SESSION", "SET CONTAINER"];

/** System privileges that read everything: reported, since grants on single tables are narrower. */
const READING_ALL: readonly string[] = ["SELECT ANY TABLE", "READ ANY TABLE", "SELECT ANY DICTIONARY"];

const WHO = `
  SELECT SYS_CONTEXT('USERENV', 'SESSION_USER') AS "account", SYS_CONTEXT('USERENV', 'ISDBA') AS "isDba" FROM dual`;

const SYSTEM = `
  SELECT privilege AS "privilege", NULL AS "role" FROM session_privs
  UNION SELECT privilege, NULL FROM user_sys_privs
  UNION SELECT privilege, role FROM role_sys_privs
  ORDER BY 1, 2 NULLS FIRST`;

/** Also roles that the account has to switch on. */
const ROLES = `
  SELECT granted_role AS "role" FROM user_role_privs UNION SELECT role FROM session_roles ORDER BY 1`;

const OBJECTS = `
  SELECT privilege AS "privilege", owner AS "owner", table_name AS "object", NULL AS "role" FROM user_tab_privs
   WHERE grantee = SYS_CONTEXT('USERENV', 'SESSION_USER')
  UNION SELECT privilege, owner, table_name, NULL FROM user_col_privs
   WHERE grantee = SYS_CONTEXT('USERENV', 'SESSION_USER')
  UNION SELECT privilege, owner, table_name, role FROM role_tab_privs
  UNION SELECT p.privilege, p.table_schema, p.table_name, 'PUBLIC' FROM all_tab_privs p
    JOIN all_users u ON u.username = p.table_schema AND u.oracle_maintained = 'N' WHERE p.grantee = 'PUBLIC'
  ORDER BY 2, 3, 1, 4 FETCH FIRST 5000 ROWS ONLY`;

const OWN = `
  SELECT object_name AS "object", object_type AS "kind" FROM user_objects
   WHERE object_type IN ('TABLE', 'VIEW', 'PROCEDURE', 'FUNCTION', 'PACKAGE', 'DATABASE LINK')
   ORDER BY 1 FETCH FIRST 20 ROWS ONLY`;

/** Packages of the server that reach files and networks, where PUBLIC may call them. */
const REACHING = `
  SELECT table_name AS "object" FROM all_tab_privs
   WHERE grantee = 'PUBLIC' AND privilege = 'EXECUTE' AND table_schema = 'SYS'
     AND table_name IN ('UTL_HTTP', 'UTL_TCP', 'UTL_SMTP', 'UTL_FILE', 'UTL_INADDR', 'DBMS_LDAP', 'HTTPURITYPE')
   ORDER BY 1`;

type Excess = ConnectionReport["excess"][number];

interface SystemRow {
  privilege: string;
  role: string | null;
}

interface ObjectRow extends SystemRow {
  owner: string;
  object: string;
}

/** Texts of LOBs are left out by their type: each takes a request of its own. */
const DIALECT: SampleDialect = {
  quote: (name) => `"${name}"`,
  beginning: (column, characters, at) => `SUBSTR(${column}, 1, ${characters}) AS "c${at}"`,
  first: (rows) => `FETCH FIRST ${rows} ROWS ONLY`,
};

/**
 * What an account of Oracle may do beyond reading, and how the entry fits the database.
 *
 * @param version - of the server, as the driver knows it
 */
export async function inspectOracle(
  ask: Ask,
  entry: OracleEntry,
  version: string,
  what?: Inspected,
): Promise<ConnectionReport> {
  const start = Date.now();
  const read = async <Row>(sql: string) => (await ask<Row>(sql)).rows;
  const [who] = await read<{ account: string; isDba: string }>(WHO);
  const ms = Date.now() - start;
  const account = who?.account ?? entry.reach.user.toUpperCase();
  const excess = [
    ...(who?.isDba === "TRUE" ? [asDba(account)] : []),
    ...describeSystem(await read<SystemRow>(SYSTEM), account),
    ...(await read<{ role: string }>(ROLES)).flatMap(({ role }) => describeRole(role, account)),
    ...describeObjects(await read<ObjectRow>(OBJECTS), account, entry.functions),
    ...describeOwn(await read<{ object: string; kind: string }>(OWN)),
    ...(await read<{ object: string }>(REACHING)).map(({ object }) => ({
      what: `call ${object}, as every account may`,
      remedy: `REVOKE EXECUTE ON SYS.${object} FROM PUBLIC; statements of a model cannot call it.`,
      blocking: false,
    })),
  ];
  const server = `Oracle Database ${version}`.trim();
  if (what === "account") return { server, ms, excess, ...NOT_INSPECTED };
  const catalogue = await readOracleCatalogue(ask, entry);
  const checked = checkAgainstCatalogue(entry, catalogue);
  const named = { columns: entry.columns, proposals: checked.proposals };
  const sampled = await proposeFromSample(catalogue.tables, named, DIALECT, async (sql) =>
    (await read<Record<string, unknown>>(sql)).map((found) => Object.values(found)),
  );
  return {
    server,
    ms,
    excess,
    ...checked,
    proposals: { ...checked.proposals, ...sampled },
    mistakes: [...checked.mistakes, ...(await judgeQueries(entry, catalogue.tables))],
  };
}

function asDba(account: string): Excess {
  return {
    what: "do everything: it signs in as SYSDBA",
    remedy: `Use another account than ${account}.`,
    blocking: true,
  };
}

/** Each privilege once; where a role gives it, the role is what is taken away. */
function describeSystem(rows: readonly SystemRow[], account: string): Excess[] {
  const byPrivilege = Map.groupBy(rows, ({ privilege }) => privilege);
  return [...byPrivilege].flatMap(([privilege, sources]): Excess[] => {
    if (READING.includes(privilege)) return [];
    const roles = sources.flatMap(({ role }) => (role === null ? [] : [role]));
    const from = roles.length === 0 ? "" : `, by its role ${roles.join(" and ")}`;
    const [role] = roles;
    return [
      {
        what: `${privilege}${from}`,
        remedy: `REVOKE ${role === undefined ? privilege : quoteName(role)} FROM ${quoteName(account)};`,
        blocking: !READING_ALL.includes(privilege),
      },
    ];
  });
}

/** A role's privileges are named by themselves; some roles give rights that no list shows. */
function describeRole(role: string, account: string): Excess[] {
  const isAdministrator = /^(DBA|PDB_DBA|CDB_DBA|SYSDBA|SYSOPER|.*FULL_DATABASE|DV_.*|AUDIT_ADMIN)$/.test(
    role,
  );
  if (!isAdministrator) return [];
  return [
    {
      what: `act as ${role}`,
      remedy: `REVOKE ${quoteName(role)} FROM ${quoteName(account)};`,
      blocking: true,
    },
  ];
}

/** A function of the entry is called by name; everything else that is more than reading counts. */
function describeObjects(
  rows: readonly ObjectRow[],
  account: string,
  functions: readonly string[],
): Excess[] {
  const isReading = ({ privilege, owner, object }: ObjectRow) => {
    const called = [object, `${owner}.${object}`].map((name) => name.toLowerCase());
    const isOffered = functions.some(
      (name) => called.includes(name) || called.includes(name.split(".")[0] ?? ""),
    );
    return privilege === "SELECT" || privilege === "READ" || (privilege === "EXECUTE" && isOffered);
  };
  return rows
    .filter((row) => !isReading(row))
    .map(({ privilege, owner, object, role }) => ({
      what: `${privilege} on ${owner}.${object}${role === null ? "" : `, by ${role}`}`,
      remedy: `REVOKE ${privilege} ON ${quoteName(owner)}.${quoteName(object)} FROM ${quoteName(role ?? account)};`,
      // Code that everyone may call: no statement of a model can.
      blocking: !(role === "PUBLIC" && privilege === "EXECUTE"),
    }));
}

/** What an account owns it may always change. */
function describeOwn(rows: readonly { object: string; kind: string }[]): Excess[] {
  const [first] = rows;
  if (first === undefined) return [];
  return [
    {
      what: `change what it owns: ${rows.map(({ object }) => object).join(", ")}`,
      remedy: "Use an account of its own, which owns nothing.",
      blocking: true,
    },
  ];
}

function quoteName(name: string): string {
  return /^[A-Z][A-Z0-9_$#]*$/.test(name) ? name : `"${name}"`;
}
