/** Content of a chart, independent of size and colours. */
export interface Chart {
  /** Lines and columns over time, bars over names, a grid of shares. */
  kind: "line" | "bar" | "stacked" | "heat";
  title: string;
  /** First and last day, and other context such as the filters. */
  period: string;
  unit: string;
  /** Source of the figures. */
  source: string;
  /** Along the axis: labels of time buckets, or names of groups. In a heat map the columns. */
  categories: readonly string[];
  /** Whether the categories are time, from left to right. */
  isTime: boolean;
  /** In a heat map the rows. At most {@link MOST_SERIES} elsewhere. */
  series: readonly Series[];
}

/** One line, one colour of bars, or one row of a heat map. */
export interface Series {
  name: string;
  /** One value for each category; `null` where there is none. */
  values: readonly (number | null)[];
  /** From and to around each value, where it is an estimate. */
  band?: readonly (readonly [from: number, to: number] | null)[];
  /** Categories, by index, whose value stands out. */
  marks?: readonly number[];
  /** True for forecast values. */
  isExpected?: boolean;
}

/** Number of series that a reader can tell apart by colour; each palette holds as many. */
export const MOST_SERIES = 8;

/** Position of a value in the picture, in pixels. */
export interface Point {
  series: number;
  category: number;
  x: number;
  y: number;
}

/** A drawn chart. */
export interface Drawing {
  /** One `<svg>` element as text; everything that came from data is escaped. */
  svg: string;
  points: readonly Point[];
  /** The area of the values. */
  plot: { left: number; top: number; right: number; bottom: number };
}

/** A value in full, with its unit. */
export function writeValue(value: number | null | undefined, unit: string): string {
  if (value === null || value === undefined) return "–";
  const text = value.toLocaleString("en-US", { maximumFractionDigits: 2 });
  return withUnit(text, unit);
}

/** A value in short form, for an axis. */
export function writeShort(value: number, unit: string): string {
  return withUnit(value.toLocaleString("en-US", { notation: "compact", maximumFractionDigits: 1 }), unit);
}

function withUnit(text: string, unit: string): string {
  if (unit === "USD") return text.startsWith("-") ? `−$${text.slice(1)}` : `$${text}`;
  const signed = text.replace(/^-/, "−");
  return unit === "percent" ? `${signed} %` : signed;
}
