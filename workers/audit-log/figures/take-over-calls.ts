import { type RunBudget, runRounds } from "../run-rounds.ts";
import { TAKE_OVER } from "./call-entries.ts";
import { numberSession } from "./countable.ts";

/** Rows of one round. */
const ROWS = 1_000;
/** Limits of one run; the next run continues. */
const BUDGET: RunBudget = { clock: () => Date.now(), ms: 60_000, rounds: 100 };

type Row = Record<"kind" | "server" | "name", string> & { session_id: string | null };

/** Moves calls that the release before wrote into the search of this one, newest first. Returns how many were moved. */
export async function takeOverCalls(database: D1Database, budget: RunBudget = BUDGET): Promise<number> {
  let moved = 0;
  await runRounds(async () => {
    const { results } = await database
      .prepare(`SELECT * FROM trail_call ORDER BY at DESC, id DESC LIMIT ${ROWS}`)
      .all<Row>();
    if (results.length === 0) return { more: false };
    const rows = JSON.stringify(
      results.map((row) => ({
        ...row,
        operation: `${row.kind} ${row.server} ${row.name}`,
        session: numberSession(row.session_id),
      })),
    );
    await database.batch(TAKE_OVER.map((sql) => database.prepare(sql).bind(rows)));
    moved += results.length;
    return { more: results.length === ROWS };
  }, budget);
  return moved;
}
