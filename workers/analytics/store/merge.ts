import type { MeasureName, Parts } from "../measures.ts";
import type { Metric } from "../semantic-layer.ts";
import type { Aggregate, AggregateRow, Top } from "./aggregate.ts";
import type { Selection } from "./base.ts";
import { keyOf, type PeopleCounts } from "./people.ts";

/** Input of {@link mergeCells}: sums and distinct counts of the same groups. */
export interface Cells {
  /** True when the read stopped before all sums were read. */
  isCut: boolean;
  sums: readonly AggregateRow[];
  people: readonly (readonly [MeasureName, PeopleCounts])[];
}

/**
 * Joins sums with distinct counts into ranked groups. Returns `undefined` where only the events can answer:
 * when there are more groups than the limit, because the distinct count of the others does not follow from
 * those of each.
 */
export function mergeCells(selection: Selection, top: Top, cells: Cells): Aggregate | undefined {
  if (cells.isCut) return undefined;
  const isCut = selection.dimensions.length > 0;
  const found = new Map<string, { member: string; bucket: string | null; parts: Record<string, number> }>();
  const wholes = new Map<string, Record<string, number>>();
  const total: Record<string, number> = Object.fromEntries(selection.measures.map((name) => [name, 0]));
  const cell = (member: string, bucket: string | null) => {
    const known = found.get(keyOf(member, bucket)) ?? { member, bucket, parts: emptyParts(selection) };
    found.set(keyOf(member, bucket), known);
    if (!wholes.has(member)) wholes.set(member, emptyParts(selection));
    return known.parts;
  };
  for (const { members, bucket, parts } of cells.sums) {
    const member = members[0] ?? "";
    const place = cell(member, bucket);
    for (const [name, value] of Object.entries(parts)) {
      place[name] = value;
      addTo(wholes.get(member), name, value);
      addTo(total, name, value);
    }
  }
  for (const [name, counts] of cells.people) {
    for (const [key, people] of counts.cells) {
      const [member, bucket] = JSON.parse(key) as [string, string | null];
      cell(member, bucket)[name] = people;
    }
    for (const [member, people] of counts.members) (wholes.get(member) ?? {})[name] = people;
    total[name] = counts.total;
  }
  if (isCut && wholes.size > top.count) return undefined;
  const places = rankMembers(wholes, top);
  const rows = [...found.values()]
    .sort((a, b) => compare(a.bucket, b.bucket) || (places.get(a.member) ?? 0) - (places.get(b.member) ?? 0))
    .map(({ member, bucket, parts }) => ({ members: isCut ? [member] : [], bucket, other: false, parts }));
  return { rows, totals: total, groups: isCut ? wholes.size : Math.min(1, found.size) };
}

/**
 * Ranks of the members by the metric, as the database orders them: members without a value last, ties by
 * name.
 */
function rankMembers(wholes: ReadonlyMap<string, Parts>, top: Top): Map<string, number> {
  const sign = top.ascending ? 1 : -1;
  const ranked = [...wholes].sort(([a, partsA], [b, partsB]) => {
    const [valueA, valueB] = [rankValue(top.by, partsA), rankValue(top.by, partsB)];
    if (valueA === undefined || valueB === undefined) {
      return Number(valueA === undefined) - Number(valueB === undefined) || compare(a, b);
    }
    return sign * (valueA - valueB) || compare(a, b);
  });
  return new Map(ranked.map(([member], place) => [member, place]));
}

function rankValue(metric: Metric, parts: Parts): number | undefined {
  const numerator = parts[metric.numerator] ?? 0;
  if (metric.denominator === undefined) return numerator;
  const denominator = parts[metric.denominator] ?? 0;
  return denominator === 0 ? undefined : numerator / denominator;
}

function emptyParts(selection: Selection): Record<string, number> {
  return Object.fromEntries(selection.measures.map((name) => [name, 0]));
}

function addTo(parts: Record<string, number> | undefined, name: string, value: number): void {
  if (parts) parts[name] = (parts[name] ?? 0) + value;
}

function compare(a: string | null, b: string | null): number {
  if (a === b) return 0;
  return (a ?? "") < (b ?? "") ? -1 : 1;
}
