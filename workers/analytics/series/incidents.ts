import { mean, median, sum } from "d3-array";
import { decimalsOf } from "../metrics.ts";
import type { Metric } from "../semantic-layer.ts";
import { type PointScore, scorePoints } from "./anomalies.ts";
import type { Series } from "./read-series.ts";
import { findRuns, type Run } from "./runs.ts";
import { chooseScale, countsEvents, dividesByCount, type Scale } from "./scales.ts";
import { scoreCount, scorePart } from "./tails.ts";

/** An anomalous run of one series, in the metric's own unit. */
export interface Finding {
  /** Metric of the series. */
  metric: string;
  /** Dimension of the series; both are undefined for the whole. */
  dimension?: string;
  member?: string;
  buckets: string[];
  /** Value of the run: a sum, a mean for distinct counts, a ratio of sums. */
  value: number;
  expected: number;
  low: number;
  high: number;
  score: number;
  /** Amount by which it is worse than expected, in the unit of {@link costUnit}; negative is better. */
  cost: number;
}

/** Identity of a series: a metric, for the whole or for a member of a dimension. */
export type Place = Pick<Finding, "metric" | "dimension" | "member">;

/** A finding with the other dimensions that show the same. */
export interface Incident extends Finding {
  also: Place[];
}

/** Parameters of a search for anomalies. */
export interface Outlook {
  season: number;
  limit: number;
  /** Maximum number of buckets in a run. */
  longest: number;
  /** Number of series in the same query. */
  series: number;
  /** Whether the query covers a bucket. */
  isAsked(bucket: string): boolean;
}

/** Value and usual range of each bucket that the query covers. */
export type Band = [bucket: string, value: number | null, low: number, high: number][];

/** Mean number of events per bucket below which a fault cannot be told from chance. */
const LEAST_EVENTS = 3;

/** Whether a series has enough events in a bucket. */
export function isThick({ events }: Series): boolean {
  return events.length === 0 || (mean(events) ?? 0) >= LEAST_EVENTS;
}

/** Anomalous runs of a series. Returns `undefined` for fewer than 8 values. */
export function lookAt(
  metric: Metric,
  series: Series,
  outlook: Outlook,
): { findings: Finding[]; band: Band; checked: number } | undefined {
  const { season, limit, longest, isAsked } = outlook;
  const scale = chooseScale(metric, series);
  const scores = scoreSeries(metric, series, scale, season, limit);
  if (!scores) return undefined;
  const round = makeRounding(metric);
  const findings = findRuns(scores, limit, longest, outlook.series)
    .filter(({ last }) => isAsked(series.buckets[last] ?? ""))
    .map((run) => describeRun(metric, series, scores, scale, run, limit))
    .filter(({ value, low, high, score }) => (value < low || value > high) && Math.abs(score) > limit);
  const asked = series.buckets.flatMap((bucket, index) => (isAsked(bucket) ? [{ bucket, index }] : []));
  const band = asked.flatMap(({ bucket, index }): Band => {
    const score = scores[index];
    if (!score) return [];
    const [low, high] = [round.down(scale.from(score.low, index)), round.up(scale.from(score.high, index))];
    return [[bucket, series.values[index] ?? null, low, high]];
  });
  return { findings, band, checked: asked.length };
}

/** Minimum part of the scatter that a season must explain; below it, the season is chance and adds noise. */
const LEAST_GAIN = 0.1;

/** Scores with a season only where the series has one: in a thin series phases differ by chance. */
function scoreSeries(metric: Metric, series: Series, scale: Scale, season: number, limit: number) {
  const points = series.values.map((value, index) => (value === null ? null : scale.to(value, index)));
  // Rates do not follow the calendar as amounts do: twice the width makes their level steadier.
  const width = Math.max(4, dividesByCount(metric) && season > 1 ? 2 * season : season);
  const score = (cycle: number) =>
    scorePoints(points, cycle, limit, (_expected, index) => scale.leastSigma(index), width);
  const [seasonal, plain] = [score(season), score(1)];
  if (!seasonal || !plain || season === 1) return seasonal;
  const scatter = (scores: readonly (PointScore | null)[]) =>
    median(scores, (point) => (point === null ? null : Math.abs(point.score * point.sigma))) ?? 0;
  return scatter(seasonal) < (1 - LEAST_GAIN) * scatter(plain) ? seasonal : plain;
}

/** Part of a loss that counts as nearly all of it. */
const MOST = 0.6;

/**
 * Groups findings that show the same incident in several dimensions: same days and direction. Members of one
 * dimension are different people or things, so they are never grouped together. The representative has most
 * of the cost and the deepest fall, because a loss concentrated on fewer customers originates there. Highest
 * cost first.
 */
export function groupFindings(findings: readonly Finding[]): Incident[] {
  const groups: Finding[][] = [];
  const strongest = [...findings].sort((a, b) => Math.abs(b.score) - Math.abs(a.score));
  for (const finding of strongest) {
    const same = groups.find((group) => group.every((other) => isSame(other, finding)));
    if (same) same.push(finding);
    else groups.push([finding]);
  }
  const incidents = groups.map((group) => {
    const most = Math.max(...group.map(({ cost }) => Math.abs(cost)));
    const [main = group[0] as Finding] = group
      .filter(({ cost }) => Math.abs(cost) >= MOST * most)
      .sort((a, b) => depthOf(b) - depthOf(a));
    return { ...main, also: group.filter((other) => other !== main).map(placeOf) };
  });
  return incidents.sort((a, b) => b.cost - a.cost || Math.abs(b.score) - Math.abs(a.score));
}

/**
 * Whether two findings show the same incident: in different dimensions, or in the same member of different
 * metrics, with the same direction and a common bucket.
 */
function isSame(a: Finding, b: Finding): boolean {
  const isOther = a.dimension !== b.dimension || (a.member === b.member && a.metric !== b.metric);
  return (
    isOther &&
    Math.sign(a.cost) === Math.sign(b.cost) &&
    a.buckets.some((bucket) => b.buckets.includes(bucket))
  );
}

/** Relative fall or rise: the difference divided by the larger of the two values. */
function depthOf({ value, expected }: Finding): number {
  return Math.abs(value - expected) / Math.max(Math.abs(value), Math.abs(expected), 1e-9);
}

/** Unit of a cost. */
export function costUnit(metric: Metric): string {
  if (metric.unit !== "percent") return metric.unit;
  return metric.numerator.endsWith("_cents") ? "USD" : metric.numerator;
}

function placeOf({ metric, dimension, member }: Finding): Place {
  return { metric, ...(dimension !== undefined && { dimension }), ...(member !== undefined && { member }) };
}

function describeRun(
  metric: Metric,
  series: Series,
  scores: readonly (PointScore | null)[],
  scale: Scale,
  { first, last, score }: Run,
  limit: number,
): Finding {
  const round = makeRounding(metric);
  const points = scores.slice(first, last + 1).map((point, index) => ({
    expected: scale.from(point?.expected ?? 0, first + index),
    index: first + index,
    centre: point?.expected ?? 0,
    sigma: point?.sigma ?? 0,
    value: series.values[first + index] ?? 0,
    // Ratio of the series' scatter to the scatter by chance.
    excess: Math.max(1, (point?.sigma ?? 0) / (scale.leastSigma(first + index) || Number.POSITIVE_INFINITY)),
    weight: dividesByCount(metric) ? (series.denominators[first + index] ?? 0) : 1,
  }));
  const weights = sum(points, ({ weight }) => weight) || 1;
  // A sum for additive metrics; otherwise the mean, weighted by the denominator for a ratio.
  const times = adds(metric) ? points.length : 1;
  const average = (pick: (point: (typeof points)[number]) => number) =>
    (times * sum(points, (point) => pick(point) * point.weight)) / weights;
  // A run scatters less than its points, by the square root of its length.
  const usual = (side: number) =>
    average(({ centre, sigma, index }) =>
      scale.from(centre + (side * limit * sigma) / Math.sqrt(points.length), index),
    );
  const [value, expected] = [average((point) => point.value), average((point) => point.expected)];
  const lost = sum(points, (point) => (point.expected - point.value) * point.weight);
  return {
    metric: metric.name,
    ...(series.member && { member: series.member }),
    buckets: series.buckets.slice(first, last + 1),
    value: round.near(value),
    expected: round.near(expected),
    low: round.up(usual(-1)),
    high: round.down(usual(1)),
    score: Number((Math.sign(score) * Math.min(Math.abs(score), scoreTail(metric, points))).toFixed(1)),
    cost: Number(((metric.good === "up" ? lost : -lost) * costFactor(metric)).toFixed(2)),
  };
}

/** Tail score of a run where its distribution by chance is known; infinite otherwise. */
function scoreTail(
  metric: Metric,
  points: readonly { value: number; expected: number; weight: number; excess: number }[],
): number {
  if (!countsEvents(metric)) return Number.POSITIVE_INFINITY;
  const excess = mean(points, (point) => point.excess) ?? 1;
  const [found, due] = [
    sum(points, ({ value, weight }) => value * weight),
    sum(points, ({ expected, weight }) => expected * weight),
  ];
  if (metric.denominator === undefined) return Math.abs(scoreCount(found, due)) / excess;
  const all = sum(points, ({ weight }) => weight);
  return Math.abs(scorePart(Math.round(found / 100), all, due / 100 / (all || 1))) / excess;
}

/** Whether values of several buckets add up: false for ratios and distinct counts. */
function adds({ denominator, numerator }: Metric): boolean {
  return denominator === undefined && numerator !== "customers" && numerator !== "visitors";
}

/**
 * Factor from (percentage points × denominator) to the numerator's unit; amounts are cents there and dollars
 * here.
 */
function costFactor({ unit, numerator }: Metric): number {
  if (unit !== "percent") return 1;
  return numerator.endsWith("_cents") ? 0.0001 : 0.01;
}

function makeRounding(metric: Metric) {
  const factor = 10 ** decimalsOf(metric);
  return {
    near: (value: number) => Math.round(value * factor) / factor,
    up: (value: number) => Math.ceil(value * factor) / factor,
    down: (value: number) => Math.floor(value * factor) / factor,
  };
}
