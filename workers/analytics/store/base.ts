import { FACTS, type FactName, type Source } from "../facts.ts";
import { bucketSql, type Grain } from "../grains.ts";
import { MEASURES, type Measure, type MeasureName } from "../measures.ts";
import { hasWholeHours, type ZoneSpan } from "../zones.ts";

/** Keeps rows whose dimension has one of the members; with `exclude`, the other rows. */
export interface Filter {
  dimension: string;
  members: readonly string[];
  exclude: boolean;
}

/** Rows to read, and their grouping. */
export interface Selection {
  fact: FactName;
  measures: readonly MeasureName[];
  /** UTC days, `to` excluded. */
  from: string;
  to: string;
  filters: readonly Filter[];
  dimensions: readonly string[];
  grain: Grain;
  /** The time zone of the days, if not UTC. */
  zone?: ZoneSpan | undefined;
}

/** A piece of SQL with the values of its `?`, in order. */
export interface Fragment {
  sql: string;
  values: (string | number)[];
}

/**
 * The common table expression `base`: the selected rows with their dimensions as `d0`, `d1`, …, their
 * `bucket` and the columns that the measures add up, from the cheapest table that has them. Values are bound;
 * names are fixed. Throws when the fact has no such dimension or grain: callers check first.
 */
export function selectBase(selection: Selection): Fragment {
  const source = chooseSource(selection);
  const columns = new Set(selection.measures.flatMap((name) => MEASURES[name].columns));
  const fields = [
    ...selection.dimensions.map((dimension, index) => `${dimensionSql(source, dimension)} AS d${index}`),
    `${bucketSql(selection.grain, source.day, source.time, selection.zone)} AS bucket`,
    ...[...columns].map((column) => `${source.columns[column]} AS ${column}`),
  ];
  const conditions = [`${source.time} >= ?`, `${source.time} < ?`];
  const values: string[] = [selection.zone?.from ?? selection.from, selection.zone?.to ?? selection.to];
  const kinds = listKinds(selection.measures);
  if (kinds.length > 0) conditions.unshift(`kind IN (${kinds.map((kind) => `'${kind}'`).join(", ")})`);
  for (const { dimension, members, exclude } of selection.filters) {
    // One JSON parameter holds any number of members: D1 binds at most 100 values per statement.
    const not = exclude ? "NOT " : "";
    conditions.push(`${dimensionSql(source, dimension)} ${not}IN (SELECT value FROM json_each(?))`);
    values.push(JSON.stringify(members));
  }
  const sql = `base AS (SELECT ${fields.join(", ")} FROM ${source.table} WHERE ${conditions.join(" AND ")})`;
  return { sql, values };
}

/** `sum(…) AS name, …` for the selected measures; 0 where there is no row. */
export function measureSql(measures: readonly MeasureName[]): string {
  return measures.map((name) => `coalesce(${MEASURES[name].sql}, 0) AS ${name}`).join(", ");
}

/** `d0, d1, …`, with a prefix such as `top.`. */
export function dimensionColumns(count: number, prefix = ""): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}d${index}`);
}

function chooseSource(selection: Selection): Source {
  const wanted = [...selection.dimensions, ...selection.filters.map(({ dimension }) => dimension)];
  const columns = selection.measures.flatMap((name) => MEASURES[name].columns);
  const sources: readonly Source[] = FACTS[selection.fact].sources;
  const source = sources.find(
    (candidate) =>
      candidate.grains.includes(selection.grain) &&
      tellsDays(candidate, selection.zone) &&
      wanted.every((dimension) => dimension in candidate.dimensions) &&
      columns.every((column) => column in candidate.columns),
  );
  if (!source) throw new TypeError(`No table of ${selection.fact} answers ${wanted.join(", ")}.`);
  return source;
}

/**
 * Months are the same in every zone; days of a zone need hours, and those of India or Nepal parts of hours.
 */
function tellsDays({ resolution }: Source, zone: ZoneSpan | undefined): boolean {
  if (zone === undefined || resolution === "second") return true;
  return resolution === "hour" && hasWholeHours(zone);
}

function dimensionSql(source: Source, dimension: string): string {
  const sql = source.dimensions[dimension];
  if (sql === undefined) throw new TypeError(`${source.table} has no dimension ${dimension}.`);
  return sql;
}

function listKinds(measures: readonly MeasureName[]): string[] {
  const kinds = measures.flatMap((name) => (MEASURES[name] as Measure).kinds ?? []);
  return [...new Set(kinds)].sort();
}
