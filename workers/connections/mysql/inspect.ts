import type { MysqlEntry } from "../../../shared/connections/kinds/mysql.ts";
import {
  type ConnectionReport,
  type ConnectionTarget,
  type Inspected,
  NOT_INSPECTED,
} from "../../../shared/objects/connection-gate.ts";
import { checkAgainstCatalogue } from "../sql/check-catalogue.ts";
import { checkQueries } from "../sql/check-queries.ts";
import { proposeFromSample, type SampleDialect, STATEMENT_MS } from "../sql/sample-classes.ts";
import { readMysqlCatalogue } from "./catalogue.ts";
import { explainMysql } from "./errors.ts";
import { type Preparing, prepareMysqlQuery } from "./prepare-query.ts";

/** Privileges that only read (MySQL and MariaDB, «Privileges Provided»). */
const READING = new Set(["USAGE", "SELECT", "SHOW VIEW", "SHOW DATABASES"]);

/** What an account of MySQL or MariaDB may do beyond reading, and how the entry fits the database. */
export async function inspectMysql(
  ask: <Row>(sql: string, values?: string[]) => Promise<Row[]>,
  prepare: Preparing["prepare"],
  target: ConnectionTarget,
  what?: Inspected,
): Promise<ConnectionReport> {
  const entry = target.entry as MysqlEntry;
  const start = Date.now();
  const [row] = await ask<{ version: string }>("SELECT VERSION() AS version");
  const ms = Date.now() - start;
  const grants = await ask<Record<string, string>>("SHOW GRANTS");
  const isMaria = /maria/i.test(row?.version ?? "");
  const account = {
    server: `${isMaria ? "MariaDB" : "MySQL"} ${row?.version ?? ""}`.trim(),
    ms,
    excess: grants.flatMap((grant) => describeGrant(Object.values(grant)[0] ?? "")),
  };
  if (what === "account") return { ...account, ...NOT_INSPECTED };
  const catalogue = await readMysqlCatalogue(ask, entry);
  const checked = checkAgainstCatalogue(entry, catalogue);
  const named = { columns: entry.columns, proposals: checked.proposals };
  const sampled = await proposeFromSample(catalogue.tables, named, DIALECT, async (sql) => {
    const limited = isMaria
      ? `SET STATEMENT max_statement_time = ${STATEMENT_MS / 1_000} FOR ${sql}`
      : sql.replace("SELECT", `SELECT /*+ MAX_EXECUTION_TIME(${STATEMENT_MS}) */`);
    return (await ask<Record<string, unknown>>(limited)).map((found) => Object.values(found));
  });
  // A read-only transaction refuses a statement that writes before its names are read, also if it is not run.
  await ask("ROLLBACK");
  const wrong = await checkQueries(
    entry,
    catalogue.tables,
    (query) => prepareMysqlQuery({ ask, prepare, isMaria }, query),
    (failure) => explainMysql(failure, target),
  );
  return {
    ...account,
    ...checked,
    proposals: { ...checked.proposals, ...sampled },
    mistakes: [...checked.mistakes, ...wrong],
  };
}

/** A row is an object by the names of its columns, which would put one that is a number first. */
const DIALECT: SampleDialect = {
  quote: (name) => `\`${name.replaceAll("`", "``")}\``,
  beginning: (column, characters, at) => `LEFT(${column}, ${characters}) AS c${at}`,
};

function describeGrant(grant: string): ConnectionReport["excess"][number][] {
  const [, privileges, object, account] =
    /^GRANT (.+?) ON (.+?) TO (\S+)/.exec(grant.replace(/ IDENTIFIED BY .*$/, "")) ?? [];
  if (privileges === undefined) {
    const [, role] = /^GRANT (\S+) TO/.exec(grant) ?? [];
    return role === undefined
      ? []
      : [
          {
            what: `has the role ${role}`,
            remedy: `REVOKE ${role} FROM the account; grant SELECT alone.`,
            blocking: true,
          },
        ];
  }
  const excess = privileges
    .replaceAll(/\([^)]*\)/g, "")
    .split(",")
    .map((privilege) => privilege.trim().toUpperCase())
    .filter((privilege) => !READING.has(privilege));
  const options = /WITH GRANT OPTION/.test(grant) ? ["GRANT OPTION"] : [];
  return [...excess, ...options].map((privilege) => ({
    what: `${privilege} on ${object}`,
    remedy: `REVOKE ${privilege} ON ${object} FROM ${account};`,
    // A view that keeps rows apart reads a variable through a function, which cannot write in a transaction that is READ ONLY.
    blocking: !(privilege === "EXECUTE" && object?.startsWith("FUNCTION ")),
  }));
}
