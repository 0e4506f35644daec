import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type RunBudget, runRounds } from "../../workers/audit-log/run-rounds.ts";
import { SWEEP_BUDGET } from "../../workers/audit-log/sweep-records.ts";

/** Records that one round removes at least. */
const ROWS = 20_000;

/** Work of so many rounds, whose rounds take so long by a clock of its own. */
function workOf(rounds: number, durations: readonly number[], budget: Omit<RunBudget, "clock">) {
  let now = 1_000_000;
  let done = 0;
  const run = () =>
    runRounds(
      async () => {
        now += durations[done % durations.length] ?? 0;
        done += 1;
        return { more: done < rounds };
      },
      { ...budget, clock: () => now },
    );
  return { run, done: () => done, spent: () => now - 1_000_000 };
}

describe("a run of rounds", () => {
  it("ends with the work, or with the first round that uses up its time or is the last allowed", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 60 }),
        fc.array(fc.nat(5_000), { minLength: 1, maxLength: 8 }),
        fc.record({ ms: fc.integer({ min: 1, max: 60_000 }), rounds: fc.integer({ min: 1, max: 50 }) }),
        async (rounds, durations, budget) => {
          const work = workOf(rounds, durations, budget);
          const more = await work.run();
          expect(more).toBe(work.done() < rounds);
          expect(work.done()).toBeGreaterThanOrEqual(1);
          expect(work.done()).toBeLessThanOrEqual(budget.rounds);
          expect(work.spent()).toBeLessThan(budget.ms + Math.max(...durations) + 1);
          if (more) expect(work.done() === budget.rounds || work.spent() >= budget.ms).toBe(true);
        },
      ),
    );
  });

  it("gets further by one round each time when the clock jumps back", async () => {
    let now = 1_000;
    let done = 0;
    const round = async () => {
      now -= 500;
      done += 1;
      return { more: true };
    };
    expect(await runRounds(round, { clock: () => now, ms: 60_000, rounds: 20 })).toBe(true);
    expect(done).toBe(1);
  });

  it("keeps up with a hundred calls a second, when a round of the sweep takes three seconds", async () => {
    const RUN_EVERY_SECONDS = 300;
    const arriving = 100 * 2 * RUN_EVERY_SECONDS;
    let waiting = 5 * arriving;
    for (let run = 0; run < 12; run += 1) {
      waiting += arriving;
      const work = workOf(Math.ceil(waiting / ROWS), [3_000], SWEEP_BUDGET);
      await work.run();
      expect(work.spent()).toBeLessThan(RUN_EVERY_SECONDS * 1_000);
      waiting = Math.max(0, waiting - work.done() * ROWS);
    }
    expect(waiting).toBe(0);
  });
});
