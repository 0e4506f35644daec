import { MEASURES, type MeasureName, type Parts } from "../measures.ts";
import { rankSql } from "../metrics.ts";
import type { Metric } from "../semantic-layer.ts";
import { dimensionColumns, measureSql, type Selection, selectBase } from "./base.ts";
import { type Cells, mergeCells } from "./merge.ts";
import { canCountPeople, preparePeople, readPeople } from "./people.ts";
import type { Reader } from "./reader.ts";

/** Keeps the first `count` groups by a metric over the whole period; the others become one group. */
export interface Top {
  count: number;
  by: Metric;
  ascending: boolean;
}

/** One group in one bucket. */
export interface AggregateRow {
  /** One member per dimension; empty for the group of all others. */
  members: string[];
  bucket: string | null;
  /** True for the group of all others. */
  other: boolean;
  parts: Parts;
}

/** Groups by bucket, then by rank with the others last; and the totals. */
export interface Aggregate {
  rows: AggregateRow[];
  totals: Parts;
  /** Number of groups before the others were merged. */
  groups: number;
}

type Row = Record<string, string | number | null>;

/**
 * Aggregates measures by dimensions and time buckets. Distinct counts are counted separately for every group,
 * the others and the total, never added up. Returns at most `maxRows` + 1 rows, so that the caller can detect
 * "too many". Sums come from the cheapest table that has them, distinct counts from the chains of days where
 * possible.
 */
export async function aggregate(
  db: Reader,
  selection: Selection,
  top: Top,
  maxRows: number,
): Promise<Aggregate> {
  const distinct = selection.measures.filter((name) => MEASURES[name].adds === "distinct");
  if (distinct.length === 0 || !canCountPeople(selection)) return aggregateRows(db, selection, top, maxRows);
  const cells = await readCells(db, selection, distinct, maxRows);
  // Only the events can tell the distinct count of all the others together.
  return mergeCells(selection, top, cells) ?? aggregateRows(db, selection, top, maxRows);
}

/** Sums from a table of sums and distinct counts from the chains, in parallel. */
async function readCells(
  db: Reader,
  selection: Selection,
  distinct: readonly MeasureName[],
  maxRows: number,
): Promise<Cells> {
  const sums = selection.measures.filter((name) => !distinct.includes(name));
  const statements = distinct.map((name) => preparePeople(db, selection, name));
  const columns = [...dimensionColumns(selection.dimensions.length), "bucket"].join(", ");
  const base = selectBase({ ...selection, measures: sums });
  const sumStatement = db
    .prepare(`WITH ${base.sql} SELECT ${columns}, ${measureSql(sums)} FROM base GROUP BY ${columns} LIMIT ?`)
    .bind(...base.values, maxRows + 1);
  const results = await db.batch<Row>([...(sums.length > 0 ? [sumStatement] : []), ...statements.flat()]);
  const rows = sums.length > 0 ? (results.shift()?.results ?? []) : [];
  return {
    isCut: rows.length > maxRows,
    sums: rows.map((row) => readRow(row, selection.dimensions.length, sums)),
    people: distinct.map((name, index) => {
      const width = statements[index]?.length ?? 0;
      const first = statements.slice(0, index).reduce((count, list) => count + list.length, 0);
      return [name, readPeople(selection, results.slice(first, first + width))];
    }),
  };
}

async function aggregateRows(
  db: Reader,
  selection: Selection,
  top: Top,
  maxRows: number,
): Promise<Aggregate> {
  const base = selectBase(selection);
  const count = selection.dimensions.length;
  const measures = measureSql(selection.measures);
  const groups = dimensionColumns(count).join(", ");
  const grouped =
    count === 0
      ? `WITH ${base.sql} SELECT bucket, 0 AS other, ${measures} FROM base GROUP BY bucket ORDER BY bucket LIMIT ?`
      : `WITH ${base.sql},
        top AS (SELECT ${groups}, row_number() OVER (ORDER BY ${orderTop(top, count)}) AS place
          FROM base GROUP BY ${groups} ORDER BY place LIMIT ?)
        SELECT ${dimensionColumns(count, "top.").join(", ")}, bucket, place IS NULL AS other, ${measures}
        FROM base LEFT JOIN top ON ${matchGroups(count)}
        GROUP BY place, bucket ORDER BY bucket, other, place LIMIT ?`;
  const total =
    count === 0
      ? `WITH ${base.sql} SELECT ${measures}, min(1, count(*)) AS groups FROM base`
      : `WITH ${base.sql} SELECT ${measures}, (SELECT count(*) FROM (SELECT 1 FROM base GROUP BY ${groups})) AS groups
        FROM base`;
  const limits = count === 0 ? [maxRows + 1] : [top.count, maxRows + 1];
  const [rows, totals] = await db.batch<Row>([
    db.prepare(grouped).bind(...base.values, ...limits),
    db.prepare(total).bind(...base.values),
  ]);
  const all = totals?.results[0] ?? {};
  return {
    rows: (rows?.results ?? []).map((row) => readRow(row, count, selection.measures)),
    totals: readParts(all, selection.measures),
    groups: Number(all.groups ?? 0),
  };
}

function orderTop(top: Top, count: number): string {
  const direction = top.ascending ? "ASC" : "DESC";
  // Ties are broken by name, so that the same query has the same answer.
  return `${rankSql(top.by)} ${direction} NULLS LAST, ${dimensionColumns(count).join(", ")}`;
}

function matchGroups(count: number): string {
  return dimensionColumns(count)
    .map((column) => `base.${column} = top.${column}`)
    .join(" AND ");
}

function readRow(row: Row, count: number, measures: readonly MeasureName[]): AggregateRow {
  const other = row.other === 1;
  return {
    members: other ? [] : dimensionColumns(count).map((column) => String(row[column] ?? "")),
    bucket: row.bucket === null || row.bucket === undefined ? null : String(row.bucket),
    other,
    parts: readParts(row, measures),
  };
}

function readParts(row: Row, measures: readonly MeasureName[]): Parts {
  return Object.fromEntries(measures.map((name) => [name, Number(row[name] ?? 0)]));
}
