import type { PartKind } from "../../shared/audit/kind-of.ts";
import { StoredTrail } from "../../shared/audit/read-stored.ts";
import { type ChainRemoval, toRanges } from "../../shared/audit/removal.ts";
import { segmentKey } from "../../shared/audit/segment.ts";
import { isHeldSql } from "./legal-hold.ts";
import { trailSource } from "./trail-source.ts";
import { type RemovalWork, STATED } from "./write-removal.ts";

/** Most parts, records and chains of one removal: some seconds of one database. */
const [PARTS, RECORDS, CHAINS, SPANS] = [500, 20_000, 100, 20_000] as const;
/** Objects that R2 deletes with one request. */
const OBJECTS = 1_000;

const DAY_MS = 24 * 60 * 60_000;

/** A part, with one of its spans. */
interface PartSpan {
  id: number;
  chain: string;
  day: number;
  kind: PartKind;
  first: number;
  last: number;
}

// The event that states the erasure is a part of its own and stays.
const ERASED = `
  SELECT part.id FROM erased_person AS person
   CROSS JOIN audit_part AS part ON part.chain = person.user_id AND part.secret IS NOT NULL
   WHERE part.kind <> 'erasure' AND NOT ${isHeldSql("part.chain")} LIMIT ${PARTS}`;

const PAST = `
  SELECT part.id FROM json_each(?1) AS kept
   CROSS JOIN audit_part AS part ON part.kind = kept.key AND part.day < kept.value AND part.secret IS NOT NULL
   WHERE NOT ${isHeldSql("part.chain")} LIMIT ${PARTS}`;

// From now on no record is added to them.
const RETIRE = `
  UPDATE audit_part SET retiring = id WHERE id IN (SELECT value FROM json_each(?1)) AND retiring = 0`;

const READ = `
  SELECT part.id, part.chain, part.day, part.kind, span.first, span.last FROM json_each(?1) AS chosen
   CROSS JOIN audit_part AS part ON part.id = chosen.value
   CROSS JOIN audit_span AS span ON span.part = part.id
   ORDER BY part.chain, span.first`;

// Parts that were opened for records that did not come.
const FORGET = `
  UPDATE audit_part SET secret = NULL
   WHERE id IN (SELECT value FROM json_each(?1)) AND retiring <> 0
     AND NOT EXISTS (SELECT 1 FROM audit_span WHERE part = audit_part.id)`;

const EMPTY = `
  UPDATE audit_part SET secret = NULL WHERE ${STATED} AND id IN (SELECT value FROM json_each(?3))`;

/** Calls that pages search, by chain, time, and whether they were allowed: a refused one has its own retention. */
const unsearch = (table: string, person: string) => `
  DELETE FROM ${table} WHERE ${STATED} AND (at, id) IN (
    SELECT call.at, call.id FROM json_each(?3) AS gone
     CROSS JOIN ${table} AS call ON call.${person} AND call.at >= gone.value ->> 'from' AND call.at < gone.value ->> 'to'
     WHERE (call.decision = 'allow') = (gone.value ->> 'kind' = 'calls'))`;

const UNSEARCHED = [
  unsearch("call_entry", "person = (SELECT id FROM trail_word WHERE word = gone.value ->> 'chain')"),
  unsearch("trail_call", "chain = gone.value ->> 'chain'"),
];

/** Events whose time is over, or whose person was erased; `null` when there are none. */
export async function chooseEvents(
  database: D1Database,
  firstDays: Readonly<Record<PartKind, number>>,
): Promise<{ work: RemovalWork; records: number } | null> {
  for (const [reason, sql, values] of [
    ["erasure", ERASED, []],
    ["retention", PAST, [JSON.stringify(firstDays)]],
  ] as const) {
    const { results } = await database
      .prepare(sql)
      .bind(...values)
      .all<{ id: number }>();
    if (results.length === 0) continue;
    const ids = JSON.stringify(results.map(({ id }) => id));
    const [, , read] = await database.batch<PartSpan>([
      database.prepare(RETIRE).bind(ids),
      database.prepare(FORGET).bind(ids),
      database.prepare(READ).bind(ids),
    ]);
    return describeEvents(read?.results ?? [], reason);
  }
  return null;
}

function describeEvents(
  spans: readonly PartSpan[],
  reason: ChainRemoval["reason"],
): { work: RemovalWork; records: number } {
  const parts: PartSpan[][] = [];
  let records = 0;
  for (const own of Map.groupBy(spans, ({ id }) => id).values()) {
    const count = own.reduce((sum, span) => sum + countOf(span), 0);
    if (parts.length > 0 && records + count > RECORDS) break;
    parts.push(own);
    records += count;
  }
  const chosen = parts.flat();
  const chains = [...Map.groupBy(chosen, ({ chain }) => chain)].map(([chain, own]): ChainRemoval => {
    const sequences = own.flatMap(({ first, last }) =>
      Array.from({ length: last - first + 1 }, (_, index) => first + index),
    );
    return { chain, reason, emptied: toRanges(sequences.sort((a, b) => a - b)), cut: null };
  });
  const gone = parts.flatMap(([part]) =>
    part !== undefined && ["calls", "denials"].includes(part.kind)
      ? [{ chain: part.chain, kind: part.kind, from: part.day * DAY_MS, to: (part.day + 1) * DAY_MS }]
      : [],
  );
  const statements = [
    { sql: EMPTY, of: parts.flatMap(([part]) => part?.id ?? []) },
    ...UNSEARCHED.map((sql) => ({ sql, of: gone })),
  ];
  return { work: { chains, statements }, records };
}

function countOf({ first, last }: PartSpan): number {
  return last - first + 1;
}

// One seek per chain and part (the loose index scan of SQLite's wiki, «recursive»). The newest day of a chain stays,
// because the next record builds on its last one; what is still in `audit_record` comes first.
const BEGINNINGS = `
  WITH RECURSIVE begun (chain) AS (
    SELECT min(chain) FROM audit_part
     UNION ALL
    SELECT (SELECT min(chain) FROM audit_part WHERE chain > begun.chain) FROM begun WHERE begun.chain IS NOT NULL),
  bound (chain, day) AS MATERIALIZED (
    SELECT begun.chain,
           min(ifnull((SELECT min(day) FROM audit_part AS part WHERE part.chain = begun.chain AND part.secret IS NOT NULL),
                      ${Number.MAX_SAFE_INTEGER}),
               (SELECT day FROM audit_part AS part WHERE part.chain = begun.chain
                   AND EXISTS (SELECT 1 FROM audit_span WHERE part = part.id) ORDER BY day DESC LIMIT 1))
      FROM begun
     WHERE begun.chain IS NOT NULL AND NOT ${isHeldSql("begun.chain")}
       AND NOT EXISTS (SELECT 1 FROM audit_record WHERE chain = begun.chain))
  SELECT chain, day, EXISTS (SELECT 1 FROM erased_person WHERE user_id = bound.chain) AS erased FROM bound
   WHERE (SELECT min(part.day) FROM audit_part AS part WHERE part.chain = bound.chain) < bound.day LIMIT ${CHAINS}`;

const BEGINNING = `
  SELECT part.id, part.chain, part.day, part.kind, span.first, span.last
    FROM audit_part AS part CROSS JOIN audit_span AS span ON span.part = part.id
   WHERE part.chain = ?1 AND part.day < ?2 ORDER BY part.day, span.first LIMIT ${2 * SPANS}`;

const CHOSEN = `
  SELECT part.id FROM json_each(?3) AS cut
   CROSS JOIN audit_part AS part ON part.chain = cut.value ->> 'chain' AND part.day < cut.value ->> 'day'`;

const CUT = [
  `UPDATE audit_segment SET live = live - gone.records
     FROM (SELECT segment, sum(last - first + 1) AS records FROM audit_span WHERE part IN (${CHOSEN}) GROUP BY segment) AS gone
    WHERE audit_segment.through = gone.segment AND ${STATED}`,
  `DELETE FROM audit_span WHERE ${STATED} AND part IN (${CHOSEN})`,
  `DELETE FROM audit_part WHERE ${STATED} AND id IN (${CHOSEN})`,
];

/** Beginnings of chains of which no event is left, by whole days; `null` when there are none. */
export async function chooseBeginnings(env: Env): Promise<{ work: RemovalWork; records: number } | null> {
  const { results } = await env.PLATFORM_DB.prepare(BEGINNINGS).all<{
    chain: string;
    day: number;
    erased: number;
  }>();
  const trail = new StoredTrail(trailSource(env));
  const [chains, days]: [ChainRemoval[], Map<string, number>] = [[], new Map()];
  let [records, spans] = [0, 0];
  for (const { chain, day, erased } of results) {
    if (spans >= SPANS) break;
    const read = await env.PLATFORM_DB.prepare(BEGINNING).bind(chain, day).all<PartSpan>();
    const whole = takeDays(read.results, day);
    const through = whole.spans.reduce((most, { last }) => Math.max(most, last), 0);
    const first = whole.spans.reduce((least, span) => Math.min(least, span.first), through);
    const count = whole.spans.reduce((sum, span) => sum + countOf(span), 0);
    // A record that has not arrived yet lies between them.
    if (count === 0 || count !== through - first + 1) continue;
    const [last] = await trail.readChain(chain, { from: through, through, most: 1 });
    if (last === undefined) continue;
    chains.push({
      chain,
      reason: erased ? "erasure" : "retention",
      emptied: [],
      cut: { through, hash: last.hash },
    });
    days.set(chain, whole.day);
    records += count;
    spans += whole.spans.length;
  }
  if (chains.length === 0) return null;
  const of = [...days].map(([chain, day]) => ({ chain, day }));
  return { work: { chains, days, statements: CUT.map((sql) => ({ sql, of })) }, records };
}

/** Whole days, of which one removal can have as many: all of them, or all but the last that was read. */
function takeDays(spans: readonly PartSpan[], day: number): { spans: readonly PartSpan[]; day: number } {
  if (spans.length < 2 * SPANS) return { spans, day };
  const last = spans.at(-1)?.day ?? day;
  return { spans: spans.filter((span) => span.day < last), day: last };
}

/** Deletes segments of which no record is left: the object first, so that none is forgotten. */
export async function deleteEmptySegments({
  PLATFORM_DB,
  AUDIT_SEGMENTS,
}: Pick<Env, "PLATFORM_DB" | "AUDIT_SEGMENTS">): Promise<number> {
  const { results } = await PLATFORM_DB.prepare(
    `SELECT through, digest FROM audit_segment WHERE live <= 0 LIMIT ${OBJECTS}`,
  ).all<{ through: number; digest: string }>();
  if (results.length === 0) return 0;
  await AUDIT_SEGMENTS.delete(results.map(({ digest }) => segmentKey(digest)));
  await PLATFORM_DB.prepare("DELETE FROM audit_segment WHERE through IN (SELECT value FROM json_each(?))")
    .bind(JSON.stringify(results.map(({ through }) => through)))
    .run();
  return results.length;
}
