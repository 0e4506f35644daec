import { type RunBudget, runRounds } from "../run-rounds.ts";
import { COUNTS, GRAINS } from "./grains.ts";
import { DAYS_UNTIL, hoursOf, type UseDimension } from "./uses.ts";

const DAY_MS = 24 * 60 * 60_000;

/** Limits of one run: days that no run has written, after a long stop. */
const BUDGET: RunBudget = { clock: () => Date.now(), ms: 20_000, rounds: 40 };

// From the end of the written days, whatever has arrived since it was read: a record that is late for an empty day too.
const writeUntil = (dimension: UseDimension) => `
  INSERT INTO call_figure (grain, dimension, at, member, ${COUNTS.join(", ")})
  SELECT ${GRAINS.day}, '${dimension}', at - at % ${DAY_MS} AS day, member, ${COUNTS.map((name) => `sum(${name})`).join(", ")}
    FROM (${hoursOf(dimension, ["?1", "?2"], COUNTS.join(", "))})
   WHERE ?1 = ${DAYS_UNTIL} GROUP BY day, member
  ON CONFLICT (grain, dimension, at, member) DO UPDATE
     SET ${COUNTS.map((name) => `${name} = ${name} + excluded.${name}`).join(", ")}`;

const NEXT = `
  SELECT ${DAYS_UNTIL} AS until,
         (SELECT min(at) FROM call_figure WHERE grain = ${GRAINS.hour} AND dimension = 'use' AND at >= ${DAYS_UNTIL}) AS at`;

/**
 * Writes the counts by person and by app of the days (UTC) that are over by `now`, oldest first. A day, with the empty
 * ones before it, is one transaction; what is stored of it later counts in its rows too. Returns how many days were written.
 */
export async function writeDays(
  database: D1Database,
  now: number,
  budget: RunBudget = BUDGET,
): Promise<number> {
  const today = now - (now % DAY_MS);
  let written = 0;
  await runRounds(async () => {
    const next = await database.prepare(NEXT).first<{ until: number; at: number | null }>();
    if (next === null || next.until >= today) return { more: false };
    const day = next.at === null ? today : Math.min(next.at - (next.at % DAY_MS), today);
    const until = Math.min(day + DAY_MS, today);
    await database.batch([
      ...(["person", "app"] as const).map((dimension) =>
        database.prepare(writeUntil(dimension)).bind(next.until, until),
      ),
      database.prepare("UPDATE figure_days SET until = ?1 WHERE until = ?2").bind(until, next.until),
    ]);
    if (day < today) written += 1;
    return { more: until < today };
  }, budget);
  return written;
}
