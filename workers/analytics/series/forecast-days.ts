import { sum } from "d3-array";
import { addDays } from "../days.ts";
import { bucketOf, type Grain } from "../grains.ts";
import { type BackTest, backTest } from "./back-test.ts";
import { deviateSum, fit, project, type Step } from "./holt-winters.ts";
import { estimateYear, TWO_YEARS } from "./year.ts";

/** A forecast of buckets. */
export interface BucketForecast {
  rows: ({ bucket: string } & Step)[];
  total: Step;
  test: BackTest | undefined;
  /** The running bucket and its measured part. */
  running: { bucket: string; measured: number; days: number } | undefined;
  knowsYear: boolean;
  season: number;
}

const WEEK = 7;
/** Days of back-test history from which a yearly season is used, slightly less than two years. */
const TESTED_YEAR = 548;

/**
 * Forecasts day by day, with a weekly season and, from two years of history on, a yearly one, and adds the days
 * up to buckets. A running bucket consists of its measured days and the forecast of the others.
 *
 * @param values - consecutive whole days from `firstDay` on
 * @param horizon - number of buckets, the running one included
 * @param width - standard deviations of the interval, for the back-test
 */
export function forecastDays(
  values: readonly number[],
  firstDay: string,
  grain: Exclude<Grain, "total" | "hour">,
  horizon: number,
  width: number,
): BucketForecast {
  const dayAt = (index: number) => addDays(firstDay, index);
  const buckets = listAhead(dayAt(values.length), grain, horizon);
  const ahead = buckets.flatMap(({ days }) => days);
  const year = estimateYear(values, firstDay);
  const season = values.length >= 3 * WEEK ? WEEK : 1;
  const factors = ahead.map((day) => year?.(day) ?? 1);
  const fitted = fit(
    values.map((value, index) => value / (year?.(dayAt(index)) ?? 1)),
    season,
  );
  const steps = project(fitted, ahead.length).map((step, index) => scale(step, factors[index] ?? 1));
  const [first] = buckets;
  const measured = first ? values.filter((_, index) => bucketOf(dayAt(index), grain) === first.bucket) : [];
  const deviate = (from: number, to: number) =>
    deviateSum(
      fitted,
      factors.slice(0, to).map((factor, index) => (index < from ? 0 : factor)),
    );
  let place = 0;
  const rows = buckets.map(({ bucket, days }, index) => {
    const [from, to] = [place, place + days.length];
    place = to;
    const known = index === 0 ? sum(measured) : 0;
    return {
      bucket,
      value: known + sum(steps.slice(from, to), ({ value }) => value),
      deviation: deviate(from, to),
    };
  });
  return {
    rows,
    total: { value: sum(rows, ({ value }) => value), deviation: deviate(0, ahead.length) },
    test: backTest(values, season, Math.min(ahead.length, 90), width, (known, count) => {
      const own = estimateYear(known, firstDay, year ? TESTED_YEAR : TWO_YEARS);
      const model = fit(
        known.map((value, index) => value / (own?.(dayAt(index)) ?? 1)),
        season,
      );
      return project(model, count).map((step, index) => scale(step, own?.(dayAt(known.length + index)) ?? 1));
    }),
    running:
      first && measured.length > 0
        ? { bucket: first.bucket, measured: sum(measured), days: measured.length }
        : undefined,
    knowsYear: year !== undefined,
    season,
  };
}

function scale({ value, deviation }: Step, factor: number): Step {
  return { value: value * factor, deviation: deviation * factor };
}

/** The next buckets with their remaining days. */
function listAhead(from: string, grain: Exclude<Grain, "total" | "hour">, count: number) {
  const buckets: { bucket: string; days: string[] }[] = [];
  for (let day = from; ; day = addDays(day, 1)) {
    const bucket = bucketOf(day, grain);
    if (buckets.at(-1)?.bucket !== bucket) {
      if (buckets.length === count) return buckets;
      buckets.push({ bucket, days: [] });
    }
    buckets.at(-1)?.days.push(day);
  }
}
