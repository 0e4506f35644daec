import type { MysqlEntry } from "../../../shared/connections/kinds/mysql.ts";
import type { ConnectionReport, ConnectionTarget } from "../../../shared/objects/connection-gate.ts";
import { checkAgainstCatalogue } from "../sql/check-catalogue.ts";
import { checkQueries, queriesToPrepare } from "../sql/check-queries.ts";
import { readMysqlCatalogue } from "./catalogue.ts";
import { explainMysql } from "./errors.ts";
import { prepareMysqlQuery } from "./prepare-query.ts";

/** Privileges that only read (MySQL and MariaDB, «Privileges Provided»). */
const READING = new Set(["USAGE", "SELECT", "SHOW VIEW", "SHOW DATABASES"]);

/** What an account of MySQL or MariaDB may do beyond reading, and how the entry fits the database. */
export async function inspectMysql(
  ask: <Row>(sql: string, values?: string[]) => Promise<Row[]>,
  target: ConnectionTarget,
): Promise<ConnectionReport> {
  const entry = target.entry as MysqlEntry;
  const start = Date.now();
  const [row] = await ask<{ version: string }>("SELECT VERSION() AS version");
  const ms = Date.now() - start;
  const grants = await ask<Record<string, string>>("SHOW GRANTS");
  const catalogue = await readMysqlCatalogue((sql) => ask(sql), entry);
  const checked = checkAgainstCatalogue(entry, catalogue);
  // A read-only transaction refuses a statement that writes before its names are read, also if it is not run.
  await ask("ROLLBACK");
  const wrong = await checkQueries(
    queriesToPrepare(entry),
    catalogue.tables,
    (query) => prepareMysqlQuery(ask, query),
    (failure) => explainMysql(failure, target),
  );
  return {
    server: `${/maria/i.test(row?.version ?? "") ? "MariaDB" : "MySQL"} ${row?.version ?? ""}`.trim(),
    ms,
    excess: grants.flatMap((grant) => describeGrant(Object.values(grant)[0] ?? "")),
    ...checked,
    mistakes: [...checked.mistakes, ...wrong],
  };
}

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
    blocking: true,
  }));
}
