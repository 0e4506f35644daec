import type { ClickhouseEntry } from "../../../shared/connections/kinds/clickhouse.ts";
import {
  type ConnectionReport,
  type Inspected,
  NOT_INSPECTED,
} from "../../../shared/objects/connection-gate.ts";
import { checkAgainstCatalogue } from "../sql/check-catalogue.ts";
import { judgeQueries } from "../sql/check-queries.ts";
import type { Ask } from "../sql/exposed-catalogue.ts";
import { proposeFromSample, type SampleDialect } from "../sql/sample-classes.ts";
import { readClickhouseCatalogue } from "./catalogue.ts";

/** Privileges that only read (ClickHouse, «GRANT»). */
const READING = /^(?:SELECT|SHOW|SHOW (?:DATABASES|TABLES|COLUMNS|DICTIONARIES))$/;

/** What the server says of the account's settings. */
export interface AccountSettings {
  version: string;
  /** 0: everything may be changed; 1: nothing; 2: settings alone. */
  readonly: number;
  /** Seconds; 0 for no limit. */
  seconds: number;
}

/** What an account of ClickHouse may do beyond reading, and how the entry fits the server. */
export async function inspectClickhouse(
  ask: Ask,
  entry: ClickhouseEntry,
  { version, readonly, seconds }: AccountSettings,
  what?: Inspected,
): Promise<ConnectionReport> {
  const start = Date.now();
  const { rows: grants } = await ask<Record<string, string>>("SHOW GRANTS");
  const ms = Date.now() - start;
  const account = {
    server: `ClickHouse ${version}`,
    ms,
    excess: [
      ...grants.flatMap((grant) => describeGrant(Object.values(grant)[0] ?? "", entry.reach.user)),
      ...(readonly === 0
        ? [
            {
              what: "change settings of its session",
              remedy: `ALTER USER ${entry.reach.user} SETTINGS readonly = 2;`,
              blocking: false,
            },
          ]
        : []),
    ],
  };
  if (what === "account") return { ...account, ...NOT_INSPECTED };
  const catalogue = await readClickhouseCatalogue(ask, entry);
  const checked = checkAgainstCatalogue(entry, catalogue);
  const named = { columns: entry.columns, proposals: checked.proposals };
  const sampled = await proposeFromSample(catalogue.tables, named, DIALECT, async (sql) =>
    (await ask<Record<string, unknown>>(sql)).rows.map((found) => Object.values(found)),
  );
  const unbounded =
    readonly === 1 && seconds === 0
      ? ["The account has readonly = 1 and no max_execution_time: set one in its profile, or readonly = 2."]
      : [];
  return {
    ...account,
    ...checked,
    proposals: { ...checked.proposals, ...sampled },
    mistakes: [...checked.mistakes, ...unbounded, ...(await judgeQueries(entry, catalogue.tables))],
  };
}

/** A row is an object by the names of its columns, which would put one that is a number first. */
const DIALECT: SampleDialect = {
  quote: (name) => `"${name.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`,
  beginning: (column, characters, at) => `substringUTF8(toString(${column}), 1, ${characters}) AS c${at}`,
};

function describeGrant(grant: string, user: string): ConnectionReport["excess"][number][] {
  const [, privileges, object] = /^GRANT (.+?) ON (\S+) TO /.exec(grant) ?? [];
  if (privileges === undefined) {
    const [, role] = /^GRANT (.+?) TO /.exec(grant) ?? [];
    const remedy = `REVOKE ${role} FROM ${user}; grant SELECT alone.`;
    return role === undefined ? [] : [{ what: `has the role ${role}`, remedy, blocking: true }];
  }
  const excess = privileges
    .replaceAll(/\([^)]*\)/g, "")
    .split(",")
    .map((privilege) => privilege.trim().toUpperCase())
    .filter((privilege) => !READING.test(privilege));
  const options = / WITH GRANT OPTION/.test(grant) ? ["GRANT OPTION"] : [];
  return [...excess, ...options].map((privilege) => ({
    what: `${privilege} on ${object}`,
    remedy: `REVOKE ${privilege} ON ${object} FROM ${user};`,
    blocking: true,
  }));
}
