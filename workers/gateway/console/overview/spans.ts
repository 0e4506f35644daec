import type { Period } from "../../../audit-log/figures/read-figures.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** A span of time that the overview can show, up to now, and the one before that it is compared with. */
export interface Span {
  name: "day" | "week" | "month";
  title: string;
  /** What the figures are compared with, in words. */
  before: string;
  /** In spans as long as the columns of the charts. */
  period: Period;
  /** The same time, in the longest spans that it consists of: fewer rows for the same sums. */
  whole: Period;
  earlier: Period;
  /** Beginnings of the columns in `period`, and the length of each in words. */
  starts: readonly number[];
  column: string;
}

const HOURS = { grain: "hour", step: HOUR_MS, column: "hour" } as const;
// A chart with a column for every hour of a week is neither read nor drawn quickly.
const HOURS_OF_A_WEEK = { grain: "hour", step: 3 * HOUR_MS, column: "3 hours" } as const;
const DAYS = { grain: "day", step: DAY_MS, column: "day" } as const;

// Those of more than a day consist of whole days (UTC), today included.
const SPANS = [
  { name: "day", title: "24 hours", before: "a week ago", columns: HOURS, whole: HOURS, days: 1, back: 7 },
  {
    name: "week",
    title: "7 days",
    before: "the 7 days before",
    columns: HOURS_OF_A_WEEK,
    whole: DAYS,
    days: 7,
    back: 7,
  },
  {
    name: "month",
    title: "30 days",
    before: "the 30 days before",
    columns: DAYS,
    whole: DAYS,
    days: 30,
    back: 30,
  },
] as const;

/** The spans to choose from. */
export const SPAN_NAMES: readonly { name: string; title: string }[] = SPANS;

/** The span of this name that ends with the hour or day of `now`; the first one for any other name. */
export function chooseSpan(asked: string | undefined, now: number): Span {
  const { name, title, before, columns, whole, days, back } =
    SPANS.find((span) => span.name === asked) ?? SPANS[0];
  const to = Math.floor(now / whole.step) * whole.step + whole.step;
  const from = to - days * DAY_MS;
  // What is compared has hours up to the same moment only, or a day that is not over would look like a fall.
  const hour = Math.floor(now / HOUR_MS) * HOUR_MS + HOUR_MS;
  return {
    name,
    title,
    before,
    period: { grain: columns.grain, from, to },
    whole: { grain: whole.grain, from, to },
    earlier: { grain: "hour", from: from - back * DAY_MS, to: hour - back * DAY_MS },
    column: columns.column,
    starts: Array.from({ length: (days * DAY_MS) / columns.step }, (_, index) => from + index * columns.step),
  };
}

/** The beginning of a column, for people, in UTC. */
export function labelStart(at: number, { period }: Span): string {
  const text = new Date(at).toISOString();
  return period.grain === "day" ? text.slice(0, 10) : `${text.slice(5, 10)} ${text.slice(11, 16)}`;
}
