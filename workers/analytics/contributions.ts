import { apportion, fromTicks, percentChange } from "./amounts.ts";
import { MEASURES, type MeasureName, type Parts } from "./measures.ts";
import { computeTicks, decimalsOf, ticksPerQuotient } from "./metrics.ts";
import type { Metric } from "./semantic-layer.ts";

/** One member of a dimension in two periods. */
export interface Member {
  name: string;
  before: Parts;
  after: Parts;
  /**
   * The member's own contribution to the whole, for measures whose parts do not add up: distinct customers,
   * divided evenly. Other measures contribute their parts.
   */
  sharedBefore?: Parts;
  sharedAfter?: Parts;
}

/** One member's contribution to the change of a metric. */
export interface Contribution {
  member: string;
  before: number | null;
  after: number | null;
  change_percent: number | null;
  /** In the metric's unit. All contributions add up to the change exactly. */
  contribution: number;
  /** Of the whole change; `null` when the whole did not change. */
  share_percent: number | null;
}

/** The method of splitting a metric's change, as a sentence for the answer. */
export function describeMethod(metric: Metric): string {
  const distinct = [metric.numerator, metric.denominator].some(
    (measure) => measure !== undefined && MEASURES[measure].adds === "distinct",
  );
  const divided = " A customer in several groups counts evenly divided among them.";
  if (metric.denominator === undefined || MEASURES[metric.denominator].adds === "shared") {
    return `contribution = value now − value before.${distinct ? divided : ""}`;
  }
  return (
    "A group contributes by its own rate and by its weight: growing helps only a group that is better than the average of " +
    `both periods.${distinct ? divided : ""}`
  );
}

/**
 * Splits the change of a metric into the contribution of each member, in the metric's unit; the contributions
 * add up to the change to the last digit shown. Sums: difference of the member's sums. Ratios N/D: with R̄
 * the mean of the whole's two ratios, (n₁/D₁ − n₀/D₀) − (d₁/D₁ − d₀/D₀)·R̄, which is the rate effect at mean
 * weight plus the mix effect at mean rate (midpoint decomposition, Marshall–Edgeworth weights). Returns
 * `undefined` when one of the wholes has no value.
 */
export function splitChange(
  metric: Metric,
  totalBefore: Parts,
  totalAfter: Parts,
  members: readonly Member[],
): Contribution[] | undefined {
  const [before, after] = [computeTicks(metric, totalBefore), computeTicks(metric, totalAfter)];
  if (before === null || after === null) return undefined;
  const scale = ticksPerQuotient(metric);
  const raw = members.map((member) => scale * splitMember(metric, totalBefore, totalAfter, member));
  const ticks = apportion(raw, after - before);
  const decimals = decimalsOf(metric);
  return members.map((member, index) => {
    const own = ticks[index] ?? 0;
    const [memberBefore, memberAfter] = [
      computeTicks(metric, member.before),
      computeTicks(metric, member.after),
    ];
    return {
      member: member.name,
      before: memberBefore === null ? null : fromTicks(memberBefore, decimals),
      after: memberAfter === null ? null : fromTicks(memberAfter, decimals),
      change_percent: percentChange(memberBefore, memberAfter),
      contribution: fromTicks(own, decimals),
      share_percent: after === before ? null : Math.round((own / (after - before)) * 10_000) / 100,
    };
  });
}

/** Keeps the largest contributions and adds up the rest as one entry, so that the list still adds up. */
export function keepLargest(
  metric: Metric,
  contributions: readonly Contribution[],
  count: number,
): { shown: Contribution[]; others: { members: number; contribution: number } | undefined } {
  const sorted = [...contributions].sort(
    (a, b) => Math.abs(b.contribution) - Math.abs(a.contribution) || a.member.localeCompare(b.member),
  );
  const rest = sorted.slice(count);
  if (rest.length === 0) return { shown: sorted, others: undefined };
  const decimals = decimalsOf(metric);
  const ticks = rest.reduce((sum, { contribution }) => sum + Math.round(contribution * 10 ** decimals), 0);
  return {
    shown: sorted.slice(0, count),
    others: { members: rest.length, contribution: fromTicks(ticks, decimals) },
  };
}

function splitMember(metric: Metric, totalBefore: Parts, totalAfter: Parts, member: Member): number {
  const n0 = partOf(metric.numerator, member.before, member.sharedBefore);
  const n1 = partOf(metric.numerator, member.after, member.sharedAfter);
  const { denominator } = metric;
  if (denominator === undefined) return n1 - n0;
  const [D0, D1] = [totalBefore[denominator] ?? 0, totalAfter[denominator] ?? 0];
  const change = n1 / D1 - n0 / D0;
  if (MEASURES[denominator].adds === "shared") return change;
  const d0 = partOf(denominator, member.before, member.sharedBefore);
  const d1 = partOf(denominator, member.after, member.sharedAfter);
  const mean = ((totalBefore[metric.numerator] ?? 0) / D0 + (totalAfter[metric.numerator] ?? 0) / D1) / 2;
  return change - (d1 / D1 - d0 / D0) * mean;
}

function partOf(measure: MeasureName, parts: Parts, shared: Parts = {}): number {
  return shared[measure] ?? parts[measure] ?? 0;
}
