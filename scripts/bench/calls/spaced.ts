import { listCosts, PRICES_AS_OF, sumCosts } from "./costs.ts";
import { type Counted, countCalls } from "./count-calls.ts";
import type { Stand } from "./measure.ts";
import { printTable } from "./report.ts";
import { median } from "./statistics.ts";

/** Seconds from one call to the next; 0 for calls in a row. An object without work is evicted after about ten. */
export const GAPS = [0, 12, 30] as const;

/** Calls of each kind, and milliseconds without change after which they are done: longer than the window of the limits. */
const [CALLS, QUIET_MS] = [8, 65_000];

/** Dollars of a million log lines (Workers Logs, beyond what the plan includes). */
const LOG_LINE = 0.6;

/** Counts calls of one person in a row, and with pauses, each kind in a runtime of its own, and prints what they cost. */
export async function compareSpaced(stands: readonly Stand[]): Promise<void> {
  const counted = await Promise.all(
    stands.map((stand, index) =>
      countCalls(stand, "stateless", {
        calls: CALLS,
        everyMs: 1_000 * (GAPS[index] ?? 0),
        quietMs: QUIET_MS,
      }),
    ),
  );
  const names = [...new Set(counted.flatMap(({ counts }) => Object.keys(counts)))].sort();
  const head = ["", ...GAPS.map((gap) => (gap === 0 ? "in a row" : `every ${gap} s`))];
  const row = (name: string, value: (one: Counted) => string) => [name, ...counted.map(value)];
  console.log(
    `\nstateless: one person, ${CALLS} calls of each kind, with all that is done until a minute after the last`,
  );
  printTable([
    head,
    row("milliseconds, the middle call", ({ times }) => median(times).toFixed(1)),
    ...names.map((name) => row(name, ({ counts }) => (counts[name] ?? 0).toFixed(2))),
    row(`a million, prices of ${PRICES_AS_OF}, without CPU time`, (one) => `$${priceOf(one).toFixed(2)}`),
  ]);
}

function priceOf({ counts }: Counted): number {
  return sumCosts(listCosts(counts, 0)) + (counts["log lines"] ?? 0) * LOG_LINE;
}
