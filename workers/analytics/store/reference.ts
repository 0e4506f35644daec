import { EVENT_KINDS, FACTS, type FactName, type Source } from "../facts.ts";
import type { Reader } from "./reader.ts";

/** A country in the public data: Gapminder's figures, whole persons, international dollars. */
export interface CountryProfile {
  country: string;
  income_per_person: number;
  population: number;
}

/** Source and licence of a table. */
export interface DataSource {
  table_name: string;
  title: string;
  publisher: string;
  url: string;
  licence: string;
  licence_url: string;
  note: string;
}

/** Maximum members of a listed dimension. */
export const MAX_LISTED = 1_000;

/** The known members of a dimension, sorted. */
export async function listMembers(db: Reader, dimension: string): Promise<string[]> {
  if (dimension === "sector") {
    const { results } = await db
      .prepare("SELECT DISTINCT sector AS member FROM us_employment ORDER BY sector LIMIT ?")
      .bind(MAX_LISTED)
      .all<{ member: string }>();
    return results.map(({ member }) => member);
  }
  const { results } = await db
    .prepare("SELECT member FROM dimension_members WHERE dimension = ? ORDER BY member LIMIT ?")
    .bind(dimension, MAX_LISTED)
    .all<{ member: string }>();
  return results.map(({ member }) => member);
}

/** Members of the dimension among the names, exact spelling. */
export async function findMembers(
  db: Reader,
  dimension: string,
  names: readonly string[],
): Promise<string[]> {
  const kinds = EVENT_KINDS.map((kind) => `'${kind}'`).join(", ");
  const known =
    dimension === "customer"
      ? `SELECT 1 FROM events WHERE kind IN (${kinds}) AND customer_id = wanted.value AND ?2 = 'customer'`
      : "SELECT 1 FROM dimension_members WHERE dimension = ?2 AND member = wanted.value";
  const { results } = await db
    .prepare(`SELECT DISTINCT value AS member FROM json_each(?1) AS wanted WHERE EXISTS (${known})`)
    .bind(JSON.stringify(names), dimension)
    .all<{ member: string }>();
  return results.map(({ member }) => member);
}

/** First and last UTC day with rows of a fact; `undefined` when it has none. */
export async function readCoverage(
  db: Reader,
  fact: FactName,
): Promise<{ first: string; last: string } | undefined> {
  const source: Source = FACTS[fact].sources[0];
  // Looks up both ends of the index per kind; over all kinds at once D1 would read every row.
  const end = (name: string) =>
    source.columns.kind === undefined
      ? `${name}(${source.day})`
      : `${name}((SELECT ${name}(${source.day}) FROM ${source.table} WHERE kind = kinds.value))`;
  const from =
    source.columns.kind === undefined ? source.table : `json_each('${JSON.stringify(EVENT_KINDS)}') AS kinds`;
  const sql = `SELECT ${end("min")} AS first, ${end("max")} AS last FROM ${from}`;
  const row = await db.prepare(sql).first<{ first: string | null; last: string | null }>();
  return row?.first && row.last ? { first: row.first, last: row.last } : undefined;
}

/** Public figures of the named countries. */
export async function listCountryProfiles(
  db: Reader,
  countries: readonly string[],
): Promise<CountryProfile[]> {
  const { results } = await db
    .prepare(
      `SELECT country, income_per_person, population FROM country_profiles
       WHERE country IN (SELECT value FROM json_each(?))`,
    )
    .bind(JSON.stringify(countries))
    .all<CountryProfile>();
  return results;
}

/** Sources and licences of the public tables. */
export async function listSources(db: Reader): Promise<DataSource[]> {
  const { results } = await db
    .prepare(
      "SELECT table_name, title, publisher, url, licence, licence_url, note FROM sources ORDER BY table_name LIMIT 100",
    )
    .all<DataSource>();
  return results;
}
