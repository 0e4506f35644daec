import type { CallFilter, CallPlace } from "./filter.ts";

/** Calls on one page. */
const PAGE_SIZE = 50;

/**
 * Most calls that one page looks through. An index leads to those of a person, app, tool, trace or ending; what else the
 * filter says is compared one by one, and a rare combination is searched page by page.
 */
export const LOOKED_THROUGH = 2_000;

/** A call as the list shows it. */
export interface ListedCall {
  at: number;
  id: number;
  callId: string;
  chain: string;
  sequence: number;
  traceId: string;
  clientId: string;
  sessionId: string | null;
  kind: string;
  server: string;
  name: string;
  decision: string;
  rule: string;
  /** `null` while it runs, and when its outcome has not arrived. */
  status: string | null;
  error: string | null;
  durationMs: number | null;
}

/** One page of calls, newest first. */
export interface CallList {
  calls: ListedCall[];
  /** Where the next page goes on; `null` at the end. */
  next: CallPlace | null;
  /** Whether the page ends because it has looked through enough, with few or no calls that fit. */
  isPartial: boolean;
}

const COLUMNS = `
  at, id, call_id AS callId, chain, sequence, trace_id AS traceId, client_id AS clientId, session_id AS sessionId, kind,
  server, name, decision, rule, status, error, duration_ms AS durationMs`;

/** Columns with an index of their own, the most selective first. */
const LEADING = [
  ["trace", "trace_id", "trail_call_by_trace"],
  ["person", "chain", "trail_call_by_person"],
  ["status", "status", "trail_call_not_ok"],
  ["app", "client_id", "trail_call_by_app"],
  ["name", "name", "trail_call_by_name"],
] as const;

const OTHERS = {
  ...Object.fromEntries(LEADING.map(([field, column]) => [field, column])),
  decision: "decision",
};

/** The newest call of all, and the one before nothing. */
const NEWEST: CallPlace = { at: Number.MAX_SAFE_INTEGER, id: Number.MAX_SAFE_INTEGER };

/**
 * One page of the calls that fit a filter, newest first, after a place. Costs the same over a long trail as over a short
 * one, whatever the filter is.
 */
export async function findCalls(
  database: D1Database,
  filter: CallFilter,
  after: CallPlace | null,
  size = PAGE_SIZE,
): Promise<CallList> {
  const { at, id } = after ?? NEWEST;
  // Calls that ended well are in no index of their own: they are most of all.
  const lead = LEADING.find(
    ([field]) => filter[field] !== "" && (field !== "status" || filter.status !== "ok"),
  );
  const [, column, index] = lead ?? [];
  const looked = `
    FROM trail_call ${index === undefined ? "" : `INDEXED BY ${index}`}
   WHERE ${column === undefined ? "?1 = ?1" : `${column} = ?1`} ${column === "status" ? "AND status <> 'ok'" : ""}
     AND (at, id) < (?2, ?3) AND at >= ?4 AND at < ?5
   ORDER BY at DESC, id DESC`;
  const others = Object.entries(OTHERS).filter(([field]) => field !== lead?.[0]);
  const fits = others.map(([, name], index_) => `(?${index_ + 6} = '' OR ${name} = ?${index_ + 6})`);
  const values = [
    lead ? filter[lead[0]] : "",
    at,
    id,
    filter.from ?? 0,
    filter.to ?? Number.MAX_SAFE_INTEGER,
  ];
  const compared = others.map(([field]) => filter[field as keyof CallFilter]);
  const [found, last] = await database.batch<ListedCall>([
    database
      .prepare(
        `SELECT ${COLUMNS} FROM (SELECT * ${looked} LIMIT ${LOOKED_THROUGH}) WHERE ${fits.join(" AND ")}
          ORDER BY at DESC, id DESC LIMIT ${size + 1}`,
      )
      .bind(...values, ...compared),
    database.prepare(`SELECT at, id ${looked} LIMIT 1 OFFSET ${LOOKED_THROUGH - 1}`).bind(...values),
  ]);
  const calls = (found?.results ?? []).slice(0, size);
  const end = calls.at(-1);
  if ((found?.results.length ?? 0) > size && end)
    return { calls, next: { at: end.at, id: end.id }, isPartial: false };
  const stopped = last?.results[0];
  return {
    calls,
    next: stopped ? { at: stopped.at, id: stopped.id } : null,
    isPartial: stopped !== undefined,
  };
}

/** One call by its id, or `null`. */
export async function findCall(database: D1Database, callId: string): Promise<ListedCall | null> {
  return await database
    .prepare(`SELECT ${COLUMNS} FROM trail_call WHERE call_id = ?`)
    .bind(callId)
    .first<ListedCall>();
}

/** Calls of the same person around one: before and after it, each at most `count`, newest first. */
export async function findNeighbours(
  database: D1Database,
  { chain, at, id }: ListedCall,
  count: number,
): Promise<ListedCall[]> {
  const around = (sign: "<" | ">", order: "DESC" | "ASC") =>
    database
      .prepare(
        `SELECT ${COLUMNS} FROM trail_call INDEXED BY trail_call_by_person
          WHERE chain = ?1 AND (at, id) ${sign} (?2, ?3) ORDER BY at ${order}, id ${order} LIMIT ?4`,
      )
      .bind(chain, at, id, count);
  const [after, before] = await database.batch<ListedCall>([around(">", "ASC"), around("<", "DESC")]);
  return [...(after?.results ?? []).reverse(), ...(before?.results ?? [])];
}
