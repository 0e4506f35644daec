import {
  BOUNDS_MS,
  BUCKETS,
  COUNTS,
  type Dimension,
  ENDINGS,
  type Ending,
  GRAINS,
  type Grain,
} from "./grains.ts";
import { isUse, usesOf } from "./uses.ts";

/** Counts of calls in one span, or over several. Durations are of calls that ran to an end, ok or failed. */
export type CallCounts = Record<Ending, number> & {
  calls: number;
  /** Sum in milliseconds. */
  duration_ms: number;
  /** Calls by duration, one number for each of `BUCKETS`. */
  buckets: readonly number[];
};

/** {@link CallCounts} with the beginning of their span, in milliseconds since the epoch. */
export type SpanCounts = CallCounts & { at: number };
/** {@link CallCounts} of one member of a dimension. */
export type MemberCounts = CallCounts & { member: string };

/** A count by its reason, such as an error code. */
export interface ReasonCount {
  kind: string;
  name: string;
  count: number;
}

/** From the first moment to before the second, in milliseconds since the epoch, in spans of `grain`. */
export interface Period {
  grain: Grain;
  from: number;
  to: number;
}

type Row = Record<string, number> & { member: string };

const SUMS = COUNTS.map((name) => `sum(${name}) AS ${name}`).join(", ");

const SERIES = `
  SELECT at, ${SUMS} FROM call_figure
   WHERE grain = ?1 AND dimension = 'operation' AND at >= ?2 AND at < ?3 GROUP BY at ORDER BY at`;

/** SQL: an operation without its kind: `crm crm_find_contacts`. */
const PLACED = "substr(member, instr(member, ' ') + 1)";
const SERVER = `substr(${PLACED}, 1, instr(${PLACED}, ' ') - 1)`;

const inPeriod = (dimension: Dimension) =>
  isUse(dimension)
    ? usesOf(dimension, "?1", ["?2", "?3"], COUNTS.join(", "))
    : `SELECT ${dimension === "server" ? `${SERVER} AS member` : "member"}, ${COUNTS.join(", ")} FROM call_figure
        WHERE grain = ?1 AND dimension = 'operation' AND at >= ?2 AND at < ?3`;

const members = (dimension: Dimension) => `
  SELECT member, ${SUMS} FROM (${inPeriod(dimension)}) GROUP BY member ORDER BY calls DESC, member LIMIT ?4`;

const REASONS = `
  SELECT kind, name, sum(count) AS count FROM reason_figure
   WHERE grain = ?1 AND kind IN (SELECT value FROM json_each(?2)) AND at >= ?3 AND at < ?4
   GROUP BY kind, name ORDER BY count DESC, kind, name LIMIT ?5`;

/** The counts of all calls, span by span. A span without calls has no entry. */
export async function readSeries(database: D1Database, { grain, from, to }: Period): Promise<SpanCounts[]> {
  const { results } = await database.prepare(SERIES).bind(GRAINS[grain], from, to).all<Row>();
  return results.map((row) => ({ ...toCounts(row), at: Number(row.at) }));
}

/** The members of a dimension with the most calls begun in a period. */
export async function readMembers(
  database: D1Database,
  dimension: Dimension,
  { grain, from, to }: Period,
  limit: number,
): Promise<MemberCounts[]> {
  const bound = database.prepare(members(dimension)).bind(GRAINS[grain], from, to, limit);
  const { results } = await bound.all<Row>();
  return results.map((row) => ({ ...toCounts(row), member: row.member }));
}

/** Counts by reason in a period, most frequent first. */
export async function readReasons(
  database: D1Database,
  kinds: readonly string[],
  { grain, from, to }: Period,
  limit: number,
): Promise<ReasonCount[]> {
  const bound = database.prepare(REASONS).bind(GRAINS[grain], JSON.stringify(kinds), from, to, limit);
  return (await bound.all<ReasonCount>()).results;
}

/** The sum of several counts. */
export function sumCounts(counts: readonly CallCounts[]): CallCounts {
  const sum = { ...NOTHING, buckets: [...NOTHING.buckets] };
  for (const one of counts) {
    for (const name of ["calls", "duration_ms", ...ENDINGS] as const) sum[name] += one[name];
    for (const [index, count] of one.buckets.entries())
      sum.buckets[index] = (sum.buckets[index] ?? 0) + count;
  }
  return sum;
}

const NOTHING: CallCounts = {
  ...(Object.fromEntries(ENDINGS.map((ending) => [ending, 0])) as Record<Ending, number>),
  calls: 0,
  duration_ms: 0,
  buckets: BUCKETS.map(() => 0),
};

/**
 * A quantile of durations in milliseconds, interpolated within its bucket as Prometheus' `histogram_quantile` does;
 * `null` without a call. What is beyond the longest bound counts as that bound.
 *
 * @param share - 0.95 for the 95th percentile
 */
export function findQuantile({ buckets }: Pick<CallCounts, "buckets">, share: number): number | null {
  const total = buckets.reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  let before = 0;
  for (const [index, count] of buckets.entries()) {
    const upper = BOUNDS_MS[index];
    const lower = BOUNDS_MS[index - 1] ?? 0;
    if (upper === undefined) return lower;
    if (count > 0 && before + count >= share * total) {
      return lower + ((upper - lower) * (share * total - before)) / count;
    }
    before += count;
  }
  return null;
}

function toCounts(row: Row): CallCounts {
  const endings = Object.fromEntries(ENDINGS.map((ending) => [ending, Number(row[ending])]));
  return {
    ...(endings as Record<Ending, number>),
    calls: Number(row.calls),
    duration_ms: Number(row.duration_ms),
    buckets: BUCKETS.map((name) => Number(row[name])),
  };
}
