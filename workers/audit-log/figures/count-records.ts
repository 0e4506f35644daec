import type { Link } from "../../../shared/audit/chain.ts";
import { type RunBudget, runRounds } from "../run-rounds.ts";
import { countEvents } from "./count-events.ts";
import { countable } from "./countable.ts";

/** Most records of one window. */
const WINDOW = 1_000;

/** Limits of a run on a schedule. */
const ON_SCHEDULE: RunBudget = { clock: () => Date.now(), ms: 60_000, rounds: 40 };

/** What an earlier release stored and did not count. Records of version 1 have their event in the body. */
const UNCOUNTED = `
  SELECT id, chain, sequence, at, type, coalesce(event, body -> '$.event') AS event
    FROM audit_record
   WHERE id > (SELECT through FROM figure_place)
     AND id <= ifnull((SELECT last FROM audit_origin), ${Number.MAX_SAFE_INTEGER})
   ORDER BY id LIMIT ${WINDOW}`;

const PLACE = "SELECT through FROM figure_place";

const MOVE = "UPDATE figure_place SET through = ?1 WHERE through = ?2";

type Row = Pick<Link, "chain" | "sequence" | "event"> & { id: number; at: number; type: string };

/**
 * Counts the records of `audit_record` that an earlier release left uncounted, oldest first; records of segments are
 * counted when their segment is named. Each window and the place after it are one transaction, so two runs at once change
 * nothing. Returns whether records may be left.
 */
export async function countRecords(database: D1Database, budget: RunBudget = ON_SCHEDULE): Promise<boolean> {
  return await runRounds(async () => {
    const [place, read] = await database.batch<Row & { through: number }>([
      database.prepare(PLACE),
      database.prepare(UNCOUNTED),
    ]);
    const rows: readonly Row[] = read?.results ?? [];
    const [before, last] = [place?.results[0]?.through ?? 0, rows.at(-1)];
    if (last === undefined) return { more: false };
    const events = rows
      .filter(({ event }) => event !== null)
      .map((row) => countable(row, JSON.parse(String(row.event)) as object));
    await database.batch([
      ...countEvents(database, events, { before, digest: null }),
      database.prepare(MOVE).bind(last.id, before),
    ]);
    return { more: rows.length === WINDOW };
  }, budget);
}

/** Stored records that are not counted yet: how many at most, and how old the oldest is, in milliseconds. */
export async function readCountLag(
  database: D1Database,
  now: number,
): Promise<{ records: number; ms: number }> {
  const row = await database
    .prepare(
      `SELECT (SELECT max(id) FROM audit_record) - through AS records,
              (SELECT at FROM audit_record WHERE id > through ORDER BY id LIMIT 1) AS oldest FROM figure_place`,
    )
    .first<{ records: number | null; oldest: number | null }>();
  const oldest = row?.oldest ?? null;
  if (oldest === null) return { records: 0, ms: 0 };
  return { records: row?.records ?? 0, ms: Math.max(now - oldest, 0) };
}
