import { ticks } from "d3-array";
import type { Chart } from "./chart.ts";

/** Positions on the value axis. */
export interface ValueScale {
  ticks: readonly number[];
  place(value: number): number;
}

/**
 * The value axis from pixel `from` (minimum) to `to`: it covers every value and band, with steps of 1, 2 or 5
 * times a power of ten. Bars begin at 0; a line does too unless that would flatten it.
 */
export function scaleValues(chart: Chart, from: number, to: number, count: number): ValueScale {
  const sums = chart.kind === "stacked" ? sumSeries(chart) : singleValues(chart);
  const [least, most] = [Math.min(...sums), Math.max(...sums)];
  const isFar = chart.kind === "line" && least > 0 && least > 0.6 * most;
  const steps = spread(isFar ? least - (most - least) * 0.1 : Math.min(0, least), Math.max(0, most), count);
  const [low, high] = [steps[0] ?? 0, steps.at(-1) ?? 1];
  return { ticks: steps, place: (value) => from + ((value - low) / (high - low || 1)) * (to - from) };
}

/** Ticks that enclose a span. */
function spread(low: number, high: number, count: number): number[] {
  const inside = ticks(low, high > low ? high : low + 1, count);
  const step = (inside[1] ?? 1) - (inside[0] ?? 0) || 1;
  const first = inside[0] ?? 0;
  const last = inside.at(-1) ?? 1;
  return [...(first > low ? [first - step] : []), ...inside, ...(last < high ? [last + step] : [])];
}

function singleValues({ series }: Chart): number[] {
  const values = series.flatMap(({ values: own, band }) => [
    ...own.filter((value) => value !== null),
    ...(band ?? []).flatMap((pair) => pair ?? []),
  ]);
  return values.length > 0 ? values : [0];
}

/** Stacks of positive values grow up from 0, stacks of negative values down. */
function sumSeries({ series, categories }: Chart): number[] {
  const sums = categories.flatMap((_, index) => {
    const values = series.map(({ values: own }) => own[index] ?? 0);
    return [
      values.filter((value) => value > 0).reduce((sum, value) => sum + value, 0),
      values.filter((value) => value < 0).reduce((sum, value) => sum + value, 0),
    ];
  });
  return sums.length > 0 ? sums : [0];
}

/** Label of a time bucket on an axis: `2026-03-05` as `5 Mar`, `2026-03` as `Mar 2026`. */
export function shortenBucket(text: string): string {
  const [, year = "", month, day, hour] = /^(\d{4})-(\d\d)(?:-(\d\d)(?:T(\d\d:\d\d).*)?)?$/.exec(text) ?? [];
  if (month === undefined) return text;
  const name = MONTHS[Number(month) - 1] ?? month;
  if (day === undefined) return `${name} ${year}`;
  return hour === undefined ? `${Number(day)} ${name}` : `${Number(day)} ${name} ${hour}`;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
