import type { MysqlEntry } from "../../../shared/connections/kinds/mysql.ts";
import type { ConnectionReport } from "../../../shared/objects/connection-gate.ts";
import { checkAgainstCatalogue } from "../sql/check-catalogue.ts";
import { type Ask, readMysqlCatalogue } from "./catalogue.ts";

/** Privileges that only read (MySQL and MariaDB, «Privileges Provided»). */
const READING = new Set(["USAGE", "SELECT", "SHOW VIEW", "SHOW DATABASES"]);

/** What an account of MySQL or MariaDB may do beyond reading, and how the entry fits the database. */
export async function inspectMysql(ask: Ask, entry: MysqlEntry): Promise<ConnectionReport> {
  const start = Date.now();
  const [row] = await ask<{ version: string }>("SELECT VERSION() AS version");
  const ms = Date.now() - start;
  const grants = await ask<Record<string, string>>("SHOW GRANTS");
  const catalogue = await readMysqlCatalogue(ask, entry);
  return {
    server: `${/maria/i.test(row?.version ?? "") ? "MariaDB" : "MySQL"} ${row?.version ?? ""}`.trim(),
    ms,
    excess: grants.flatMap((grant) => describeGrant(Object.values(grant)[0] ?? "")),
    ...checkAgainstCatalogue(entry, catalogue),
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
    // A view that keeps rows apart reads a variable through a function, which cannot write in a transaction that is READ ONLY.
    blocking: !(privilege === "EXECUTE" && object?.startsWith("FUNCTION ")),
  }));
}
