import { bucketSql, bucketStartSql } from "../grains.ts";
import { MEASURES, type Measure, type MeasureName } from "../measures.ts";
import type { Filter, Selection } from "./base.ts";
import type { Reader } from "./reader.ts";

/**
 * Dimensions with a chain of their own, see migration 0003. Products have none: a shop has more of them than
 * an answer shows, and only the events know how many people the others had together; a chain would cost every
 * event half again as many rows read, because people seldom return to a product.
 */
const SCOPES = new Set(["region", "segment", "channel"]);

/**
 * Distinct counts of one selection: of each member in each bucket, of each member, of each bucket, and in
 * total.
 */
export interface PeopleCounts {
  /** By {@link keyOf}. Without a dimension, the member is empty. */
  cells: Map<string, number>;
  members: Map<string, number>;
  total: number;
}

/** The key of one member in one bucket. */
export function keyOf(member: string, bucket: string | null): string {
  return JSON.stringify([member, bucket]);
}

/**
 * Whether distinct people can be counted from the chains of days: in total or for one of the chained
 * dimensions, grouped by it or filtered to one member of it. Anything else needs the events.
 */
export function canCountPeople({ dimensions, filters, grain, zone }: Selection): boolean {
  if (zone !== undefined || grain === "hour") return false;
  const [dimension, ...more] = new Set([...dimensions, ...filters.map((filter) => filter.dimension)]);
  if (more.length > 0 || (dimension !== undefined && !SCOPES.has(dimension))) return false;
  // A person in two of the wanted regions is in two chains and would count twice.
  return filters.length === 0 || (filters.length === 1 && isSingle(filters[0]));
}

/**
 * Statements for {@link readPeople}: exact distinct counts without reading events. A person counts on the day
 * of a span whose previous day lies before the span (Gupta, Janardan, Smid, J. Algorithms 19, 1995).
 */
export function preparePeople(db: Reader, selection: Selection, measure: MeasureName): D1PreparedStatement[] {
  const [filter] = selection.filters;
  const scope = filter?.dimension ?? selection.dimensions[0] ?? "total";
  const { kinds = [] } = MEASURES[measure] as Measure;
  const [kind = ""] = kinds;
  const member = filter?.members[0];
  const isCut = selection.dimensions.length > 0;
  const bucket = bucketSql(selection.grain, "day", "day");
  // Of a bucket that starts before the period, only the part inside counts.
  const start = bucketStartSql(selection.grain, "day");
  const bucketStart = start === undefined ? "?3" : `max(?3, ${start})`;
  const count = (fields: string, scopeName: string, since: string, groups: string) =>
    db
      .prepare(
        `SELECT ${fields}, sum(people) AS people FROM daily_people
         WHERE kind = ?1 AND scope = ?2 AND day >= ?3 AND day < ?4 AND (?5 IS NULL OR member = ?5)
           AND previous_day < ${since} ${groups}`,
      )
      .bind(kind, scopeName, selection.from, selection.to, member ?? null);
  return [
    count(`member, ${bucket} AS bucket`, scope, bucketStart, "GROUP BY 1, 2"),
    ...(isCut ? [count("member, NULL AS bucket", scope, "?3", "GROUP BY 1")] : []),
    count("'' AS member, NULL AS bucket", member === undefined ? "total" : scope, "?3", ""),
  ];
}

/** Reads the results of {@link preparePeople}, in the same order. */
export function readPeople(selection: Selection, results: readonly D1Result[]): PeopleCounts {
  const isCut = selection.dimensions.length > 0;
  const rows = results.map(
    (result) => result.results as { member: string; bucket: string | null; people: number }[],
  );
  const named = (member: string) => (isCut ? member : "");
  return {
    cells: new Map((rows[0] ?? []).map((row) => [keyOf(named(row.member), row.bucket), row.people])),
    members: new Map((isCut ? (rows[1] ?? []) : []).map((row) => [row.member, row.people])),
    total: Number(rows.at(-1)?.[0]?.people ?? 0),
  };
}

function isSingle(filter: Filter | undefined): boolean {
  return filter !== undefined && !filter.exclude && filter.members.length === 1;
}
