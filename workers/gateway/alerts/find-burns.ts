import type { AlertRules } from "../../../shared/policy/alerts.ts";
import { BOUNDS_MS } from "../../audit-log/figures/grains.ts";
import type { CallCounts } from "../../audit-log/figures/read-figures.ts";
import type { FoundAlert } from "./find-alerts.ts";

/** Calls of the short span below which a burn rate says nothing. */
const FEWEST_CALLS = 20;

/** The calls of a long and a short span, for each speed. */
export type BurnFacts = Readonly<Record<"fast" | "slow", { long: CallCounts; short: CallCounts }>>;

/** Milliseconds of the spans: a long one shows that it matters, a short one that it still goes on. */
export const BURN_SPANS_MS = {
  fast: { long: 60 * 60_000, short: 5 * 60_000 },
  slow: { long: 6 * 60 * 60_000, short: 30 * 60_000 },
} as const;

/**
 * Objectives whose budget of bad calls is used up faster than the rules allow, in both spans of a speed (Google, «The Site
 * Reliability Workbook», chapter 5, multiwindow alerts). Pure.
 */
export function findBurns(facts: BurnFacts, rules: AlertRules): FoundAlert[] {
  const objectives = [
    { name: "availability", budget: 1 - rules.availability, bad: ({ failed }: CallCounts) => failed },
    {
      name: "latency",
      budget: 1 - rules.latency_share,
      bad: (counts: CallCounts) => countSlow(counts, rules),
    },
  ];
  return objectives.flatMap(({ name, budget, bad }) =>
    (["fast", "slow"] as const).flatMap((speed): FoundAlert[] => {
      const { long, short } = facts[speed];
      // A share at the threshold counts, however its digits are rounded.
      const most = (speed === "fast" ? rules.burn_fast : rules.burn_slow) * (1 - 1e-9);
      const rate = (counts: CallCounts) => bad(counts) / Math.max(ended(counts), 1) / budget;
      if (ended(short) < FEWEST_CALLS || rate(short) < most || rate(long) < most) return [];
      const hours = BURN_SPANS_MS[speed].long / 3_600_000;
      const span = hours === 1 ? "hour" : `${hours} hours`;
      const text = `In the last ${span} calls missed the objective of ${name} ${Math.round(rate(long) * 10) / 10} times as often as it allows.`;
      return [{ kind: "burn", subject: `${name}_${speed}`, text }];
    }),
  );
}

function ended({ ok, failed }: CallCounts): number {
  return ok + failed;
}

/** Calls in buckets above the bound of the objective. */
function countSlow({ buckets }: CallCounts, { latency_ms }: AlertRules): number {
  return buckets.reduce(
    (sum, count, index) => sum + ((BOUNDS_MS[index] ?? Number.POSITIVE_INFINITY) > latency_ms ? count : 0),
    0,
  );
}
