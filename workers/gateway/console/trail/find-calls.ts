import { packHex, textOf, traceKey, unpackId, wordOf } from "../../../audit-log/figures/call-entries.ts";
import { ENDINGS, type Ending, GRAINS } from "../../../audit-log/figures/grains.ts";
import { usesOf } from "../../../audit-log/figures/uses.ts";
import type { CallFilter, CallPlace } from "./filter.ts";

/** Calls on one page. */
const PAGE_SIZE = 50;

/**
 * Most calls that one page looks through, and most days or blocks. An index leads to those of a person, blocks to those of
 * a trace, and counts to days with calls of an app, a tool, an ending or a decision; within a day calls are compared one by
 * one, and a rare combination is searched page by page.
 */
export const LOOKED_THROUGH = 20_000;
const DAYS = 40;
const MOST_BLOCKS = 100;

/** Calls of a person before and after one that are looked through for those of its session. */
const SESSION_LOOK = 500;

const DAY_MS = 24 * 60 * 60_000;

/** A call as the list shows it. */
export interface ListedCall {
  at: number;
  id: number;
  callId: string;
  chain: string;
  sequence: number;
  traceId: string;
  clientId: string;
  /** Tells sessions of one person apart. */
  session: number | null;
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
  at, id, ${unpackId("call_id")} AS callId, ${textOf("person")} AS chain, sequence, lower(hex(trace)) AS traceId,
  ${textOf("app")} AS clientId, session, ${textOf("operation")} AS operation, decision, ${textOf("rule")} AS rule, status,
  ${textOf("error")} AS error, duration_ms AS durationMs`;

type Row = Omit<ListedCall, "kind" | "server" | "name"> & { operation: string };

/** The newest call of all, and the one before nothing. */
const NEWEST: CallPlace = { at: Number.MAX_SAFE_INTEGER, id: Number.MAX_SAFE_INTEGER };

const FITS = `
  (?1 = '' OR person = ${wordOf("?1")}) AND (?2 = '' OR trace = ${packHex("?2")}) AND (?3 = '' OR app = ${wordOf("?3")})
  AND (?4 = '' OR operation IN (SELECT value FROM json_each(?4))) AND (?5 = '' OR decision = ?5) AND (?6 = '' OR status = ?6)`;

/** SQL: the calls that a page looks at, newest first, of `?7` to before `?8`, after the place `?9` and `?10`. */
const looked = ({ person }: CallFilter) => {
  const [index, lead] =
    person !== "" ? ["INDEXED BY call_entry_by_person", `person = ${wordOf("?1")}`] : ["", "?1 = ?1"];
  return `FROM call_entry ${index} WHERE ${lead} AND at >= ?7 AND at < ?8 AND (at, id) < (?9, ?10)
          ORDER BY at DESC, id DESC`;
};

/** Names of operations end with that of the tool, resource or prompt. */
const OPERATIONS =
  "SELECT id FROM trail_word WHERE word >= ?1 AND word < ?2 AND substr(word, -length(?3)) = ?3";
const KINDS = ["prompt ", "resource ", "tool "];

/** Days (UTC) of `?1` to before `?2` with calls of a filter. A call ends on the day of its beginning, or the next. */
const daysWith = (status: string) => `
  SELECT DISTINCT day FROM (
    SELECT at AS day FROM call_figure AS day_of
     WHERE grain = ${GRAINS.day} AND dimension = 'all' AND at >= ?1 AND at < ?2
       AND (?3 = '' OR EXISTS (SELECT 1 FROM (${usesOf("app", String(GRAINS.day), ["day_of.at", `day_of.at + ${DAY_MS}`], "calls")})
                                WHERE member = ?3 AND calls > 0))
       AND (?4 = '' OR EXISTS (SELECT 1 FROM json_each(?4) AS operation CROSS JOIN call_figure
                                  ON grain = ${GRAINS.day} AND dimension = 'operation' AND at = day_of.at
                                 AND member = ${textOf("operation.value")} WHERE calls > 0))
       AND (?5 IN ('', 'allow') OR EXISTS (SELECT 1 FROM reason_figure WHERE grain = ${GRAINS.day} AND kind = 'denial'
                                              AND at = day_of.at AND name = ?5))
       AND ${isEnding(status) ? endedOn(status) : "true"}
     ORDER BY at DESC LIMIT ${DAYS})
   ORDER BY day DESC`;

const endedOn = (status: Ending) => `
  EXISTS (SELECT 1 FROM call_figure WHERE grain = ${GRAINS.day} AND dimension = 'all'
             AND at IN (day_of.at, day_of.at + ${DAY_MS}) AND member = '' AND ${status} > 0)`;

function isEnding(status: string): status is Ending {
  return (ENDINGS as readonly string[]).includes(status);
}

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
  const place = after ?? NEWEST;
  const operations = filter.name === "" ? "" : JSON.stringify(await listOperations(database, filter.name));
  const found: ListedCall[] = [];
  let left = LOOKED_THROUGH;
  const spans = await listSpans(database, filter, operations, place);
  for (const { from, to } of spans.list) {
    const page = looked(filter);
    const values = [
      ...[filter.person, filter.trace, filter.app, operations, filter.decision, filter.status],
      ...[from, to, place.at, place.id],
    ];
    const [rows, last, count] = await database.batch<Row>([
      database
        .prepare(
          `SELECT ${COLUMNS} FROM (SELECT * ${page} LIMIT ?11) WHERE ${FITS} ORDER BY at DESC, id DESC LIMIT ?12`,
        )
        .bind(...values, left, size + 1 - found.length),
      database.prepare(`SELECT at, id ${page} LIMIT 1 OFFSET ?11`).bind(...values, left - 1),
      database.prepare(`SELECT count(*) AS id FROM (SELECT at ${page} LIMIT ?11)`).bind(...values, left),
    ]);
    found.push(...(rows?.results ?? []).map(readRow));
    const end = found[size - 1];
    if (found.length > size && end !== undefined)
      return { calls: found.slice(0, size), next: { at: end.at, id: end.id }, isPartial: false };
    const stopped = last?.results[0];
    if (stopped !== undefined)
      return { calls: found, next: { at: stopped.at, id: stopped.id }, isPartial: true };
    left -= count?.results[0]?.id ?? 0;
  }
  return { calls: found, next: spans.next, isPartial: spans.next !== null };
}

// Newest first; none of them begins at the place or after it.
const BLOCKS = `
  SELECT at AS "from", until + 1 AS "to" FROM trace_block
   WHERE instr(traces, ${traceKey(packHex("?1"))}) > 0 AND until >= ?2 AND at < ?3 ORDER BY until DESC LIMIT ${MOST_BLOCKS}`;

/** The times of batches with calls of a trace, newest first and apart from each other, and where the next page goes on. */
async function listBlocks(
  database: D1Database,
  trace: string,
  begin: number,
  end: number,
  place: CallPlace,
): Promise<{ list: { from: number; to: number }[]; next: CallPlace | null }> {
  const bound = database.prepare(BLOCKS).bind(trace, begin, end);
  const { results } = await bound.all<{ from: number; to: number }>();
  const spans = results.map(({ from, to }) => ({ from: Math.max(from, begin), to: Math.min(to, end) }));
  const last = results[MOST_BLOCKS - 1];
  if (last === undefined) return { list: join(spans), next: null };
  // Blocks arrive in another order than calls begin: every block that is left out ends before `last.to`.
  const newer = spans.filter(({ to }) => to > last.to);
  const isBefore = last.to < place.at || (last.to === place.at && place.id > 0);
  // So many blocks at one time rule nothing out: the calls themselves are looked through.
  if (newer.length === 0 || !isBefore) return { list: [{ from: begin, to: end }], next: null };
  const list = join(newer.map(({ from, to }) => ({ from: Math.max(from, last.to), to })));
  return { list, next: { at: last.to, id: 0 } };
}

/** Spans newest first, those that meet or overlap as one: each is a request of its own. */
function join(spans: readonly { from: number; to: number }[]): { from: number; to: number }[] {
  const list: { from: number; to: number }[] = [];
  for (const span of spans.toSorted((one, other) => other.to - one.to)) {
    const last = list.at(-1);
    if (last !== undefined && span.to >= last.from) last.from = Math.min(last.from, span.from);
    else list.push({ ...span });
  }
  return list;
}

/** The spans of time to look at, newest first, and where the next page goes on. Days that counts rule out are left out. */
async function listSpans(
  database: D1Database,
  { person, trace, app, decision, status, from, to }: CallFilter,
  operations: string,
  place: CallPlace,
): Promise<{ list: { from: number; to: number }[]; next: CallPlace | null }> {
  const [begin, end] = [from ?? 0, to ?? Number.MAX_SAFE_INTEGER];
  const isNarrow =
    app !== "" || operations !== "" || !["", "allow"].includes(decision) || !["", "ok"].includes(status);
  const last = Math.min(end, place.at + 1);
  if (trace !== "") return await listBlocks(database, trace, begin, last, place);
  if (person !== "" || !isNarrow) return { list: [{ from: begin, to: end }], next: null };
  const { results } = await database
    .prepare(daysWith(status))
    .bind(begin - (begin % DAY_MS), last, app, operations, decision)
    .all<{ day: number }>();
  const list = join(
    results.map(({ day }) => ({ from: Math.max(day, begin), to: Math.min(day + DAY_MS, end) })),
  );
  const oldest = list.at(-1);
  const isCut = results.length === DAYS && oldest !== undefined;
  return { list, next: isCut ? { at: oldest.from, id: 0 } : null };
}

/** The numbers of operations with this name, of any kind and server. */
async function listOperations(database: D1Database, name: string): Promise<number[]> {
  const answers = await database.batch<{ id: number }>(
    KINDS.map((kind) => database.prepare(OPERATIONS).bind(kind, `${kind}\u{10ffff}`, ` ${name}`)),
  );
  return answers.flatMap(({ results }) => results.map(({ id }) => id));
}

function readRow({ operation, ...row }: Row): ListedCall {
  const [kind = "", server = "", ...name] = operation.split(" ");
  return { ...row, kind, server, name: name.join(" ") };
}

/** One call by its place, or `null`. */
export async function findCall(database: D1Database, { at, id }: CallPlace): Promise<ListedCall | null> {
  const row = await database
    .prepare(`SELECT ${COLUMNS} FROM call_entry WHERE at = ? AND id = ?`)
    .bind(at, id)
    .first<Row>();
  return row && readRow(row);
}

/**
 * Calls of the same person around one, newest first: before and after it at most `count` of any session, and at most
 * `count` of its own session, which calls of other apps may stand between.
 */
export async function findNeighbours(
  database: D1Database,
  { chain, at, id, session }: ListedCall,
  count: number,
): Promise<ListedCall[]> {
  const around = (sign: "<" | ">", order: "DESC" | "ASC", most: number, own: boolean) =>
    database
      .prepare(
        `SELECT ${COLUMNS} FROM (
           SELECT * FROM call_entry INDEXED BY call_entry_by_person
            WHERE person = ${wordOf("?1")} AND (at, id) ${sign} (?2, ?3) ORDER BY at ${order}, id ${order} LIMIT ?4)
          WHERE ?5 = 0 OR session = ?6 ORDER BY at ${order}, id ${order} LIMIT ?7`,
      )
      .bind(chain, at, id, most, Number(own), session, count);
  const answers = await database.batch<Row>([
    ...[around(">", "ASC", count, false), around(">", "ASC", SESSION_LOOK, true)],
    ...[around("<", "DESC", count, false), around("<", "DESC", SESSION_LOOK, true)],
  ]);
  const byId = new Map(answers.flatMap(({ results }) => results.map((row) => [row.id, readRow(row)])));
  return [...byId.values()].sort((one, other) => other.at - one.at || other.id - one.id);
}
