import { logFailure } from "../../../shared/observe/log.ts";
import { type RunBudget, runRounds } from "../run-rounds.ts";
import { WINDOW_STATEMENTS } from "./statements.ts";

/** Most records of one window. */
const WINDOW = 1_000;

/** Limits of a run behind one batch of the queue, and of one on a schedule. */
const BEHIND_A_BATCH: RunBudget = { clock: () => Date.now(), ms: 5_000, rounds: 5 };
const ON_SCHEDULE: RunBudget = { clock: () => Date.now(), ms: 120_000, rounds: 80 };

/**
 * Counts the stored records that are not counted yet, oldest first: charts, `/metrics` and the search of the trail read
 * what it writes. Each window and the place after it are one transaction, so two runs at once and records that are
 * delivered again change nothing. Returns whether records may be left.
 */
export async function countRecords(database: D1Database, budget: RunBudget = ON_SCHEDULE): Promise<boolean> {
  const [fix = "", ...rest] = WINDOW_STATEMENTS;
  return await runRounds(async () => {
    const results = await database.batch<{ more: number }>([
      database.prepare(fix).bind(WINDOW),
      ...rest.map((sql) => database.prepare(sql)),
    ]);
    return { more: results.at(-1)?.results[0]?.more === 1 };
  }, budget);
}

/** {@link countRecords} behind a batch. The trail does not depend on it: a failure is logged, the next run goes on. */
export async function countBehindBatch(database: D1Database): Promise<void> {
  await countRecords(database, BEHIND_A_BATCH).catch((failure: unknown) =>
    logFailure("records_not_counted", failure),
  );
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
