import { type RunBudget, runRounds } from "../run-rounds.ts";
import { GRAINS } from "./grains.ts";

const DAY_MS = 24 * 60 * 60_000;

/** Most calls that can be searched: about one and a half gigabytes of the platform database. */
export const MOST_CALLS = 10_000_000;

/** Rows that one statement deletes. */
const ROWS = 5_000;

/** Limits of one run, which is five minutes before the next: a hundred calls a second are six rounds of it. */
const BUDGET: RunBudget = { clock: () => Date.now(), ms: 60_000, rounds: 60 };

const DAYS = `
  SELECT at, calls FROM call_figure WHERE grain = ${GRAINS.day} AND dimension = 'all' ORDER BY at DESC`;

const REMOVE = `
  DELETE FROM call_entry WHERE (at, id) IN (SELECT at, id FROM call_entry WHERE at < ? ORDER BY at, id LIMIT ${ROWS})`;

/**
 * Removes the oldest days from the search once it has more calls than `most`; their records stay, with holds and all, until
 * their own time is over. Returns how many rows were removed.
 */
export async function removeOldCalls(
  database: D1Database,
  most = MOST_CALLS,
  budget: RunBudget = BUDGET,
): Promise<number> {
  const { results } = await database.prepare(DAYS).all<{ at: number; calls: number }>();
  let kept = 0;
  const last = results.find(({ calls }) => {
    kept += calls;
    return kept > most;
  });
  if (last === undefined) return 0;
  // Blocks that begin in a day that goes and end in one that stays are still needed.
  await database
    .prepare("DELETE FROM trace_block WHERE until < ?")
    .bind(last.at + DAY_MS)
    .run();
  let removed = 0;
  await runRounds(async () => {
    const { meta } = await database
      .prepare(REMOVE)
      .bind(last.at + DAY_MS)
      .run();
    // Entries of indexes count as changed rows too, so the number is that of the rows at least.
    removed += meta.changes;
    return { more: meta.changes > 0 };
  }, budget);
  return removed;
}
