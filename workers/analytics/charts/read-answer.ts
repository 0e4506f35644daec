import { type Chart, MOST_SERIES, type Series } from "./chart.ts";
import { OTHERS } from "./themes.ts";

type Cell = string | number | null;
type Answer = Readonly<Record<string, unknown>>;

/** Number of bars that are readable one by one. */
const MOST_BARS = 20;

/** Source of the figures when an answer names no other. */
const OWN_EVENTS = "Gatehouse analytics, the shop's own events";

/**
 * Builds the chart of an analytics tool's answer from its structured content alone, so that the picture and
 * the view show the same. Returns `undefined` where nothing can be drawn: a single figure, an error, no rows.
 */
export function readChart(answer: unknown): Chart | undefined {
  if (typeof answer !== "object" || answer === null) return undefined;
  const read = answer as Answer;
  if (Array.isArray(read.contributions)) return readContributions(read);
  if (Array.isArray(read.anomalies)) return readAnomalies(read);
  const columns = (read.columns ?? []) as string[];
  if (!Array.isArray(read.rows) || read.rows.length === 0) return undefined;
  if (columns[0] === "cohort") return readCohorts(read, columns);
  if (columns.includes("step")) return readFunnel(read, columns);
  if (columns.includes("forecast")) return readForecast(read);
  return readTable(read, columns);
}

/** `gross_margin` as `Gross margin`. */
function writeName(name: string): string {
  const words = name.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function rowsOf(answer: Answer, name = "rows"): Cell[][] {
  return (answer[name] ?? []) as Cell[][];
}

function numberOf(cell: Cell | undefined): number | null {
  return typeof cell === "number" ? cell : null;
}

function describe(answer: Answer, more = ""): Pick<Chart, "period" | "source"> {
  const zone = answer.timezone === undefined ? "" : `, ${String(answer.timezone)}`;
  const cut = answer.more as { shown: number; total: number } | undefined;
  const part = cut === undefined ? "" : `, first ${cut.shown} of ${cut.total} rows`;
  return {
    period: `${String(answer.period ?? answer.history ?? "").replace("..", " to ")}${zone}${more}${part}`,
    source: String(answer.source ?? OWN_EVENTS),
  };
}

/** Metrics by groups and time: `analytics_query` and `analytics_regional_metrics`. */
function readTable(answer: Answer, columns: readonly string[]): Chart | undefined {
  const units = (answer.units ?? {}) as Record<string, string>;
  const measured = columns.filter((name) => name in units);
  const [first = ""] = measured;
  const isTime = answer.grain !== undefined && answer.grain !== "total";
  const groups = columns.slice(isTime ? 1 : 0, columns.indexOf(first));
  const unit = units[first] ?? "count";
  const alike = measured.filter((name) => units[name] === unit);
  const rows = rowsOf(answer);
  if (rows.length < 2 || (groups.length === 0 && !isTime)) return undefined;
  const nameOf = (row: Cell[]) =>
    row
      .slice(isTime ? 1 : 0, isTime ? 1 + groups.length : groups.length)
      .filter((cell) => cell !== null)
      .join(" · ");
  const by = groups.length > 0 ? ` by ${groups.map((name) => name.replaceAll("_", " ")).join(" and ")}` : "";
  const wanted = answer.chart as Chart["kind"] | undefined;
  if (!isTime) {
    const shown = rows.slice(0, MOST_BARS);
    return {
      kind: wanted === "stacked" ? "stacked" : "bar",
      title: `${alike.map(writeName).join(", ")}${by}`,
      ...describe(answer, shown.length < rows.length ? `, ${shown.length} of ${rows.length} groups` : ""),
      unit,
      categories: shown.map(nameOf),
      isTime,
      series: alike.slice(0, MOST_SERIES).map((name) => ({
        name: writeName(name),
        values: shown.map((row) => numberOf(row[columns.indexOf(name)])),
      })),
    };
  }
  const { categories, series, left } =
    groups.length > 0
      ? splitGroups(rows, nameOf, columns.indexOf(first))
      : splitMetrics(rows, alike, columns);
  return {
    kind: wanted ?? "line",
    title: `${groups.length > 0 ? writeName(first) : alike.map(writeName).join(", ")}${by}`,
    ...describe(answer, left > 0 ? `, ${series.length} of ${series.length + left} groups` : ""),
    unit,
    categories,
    isTime,
    series,
  };
}

function splitMetrics(rows: Cell[][], metrics: readonly string[], columns: readonly string[]) {
  const series = metrics.slice(0, MOST_SERIES).map((name) => ({
    name: writeName(name),
    values: rows.map((row) => numberOf(row[columns.indexOf(name)])),
  }));
  return { categories: rows.map((row) => String(row[0])), series, left: 0 };
}

/** One series for each group; buckets in which a group has no row are gaps. */
function splitGroups(rows: Cell[][], nameOf: (row: Cell[]) => string, column: number) {
  const categories = [...new Set(rows.map((row) => String(row[0])))].sort();
  const groups = [...Map.groupBy(rows, nameOf)];
  const kept = groups.filter(([name]) => name !== OTHERS).slice(0, MOST_SERIES - 1);
  const shown = [...kept, ...groups.filter(([name]) => name === OTHERS)];
  const series = shown.map(([name, own]): Series => {
    const found = new Map(own.map((row) => [String(row[0]), numberOf(row[column])]));
    return { name, values: categories.map((bucket) => found.get(bucket) ?? null) };
  });
  return { categories, series, left: groups.length - shown.length };
}

/** Contributions to a metric's change: `analytics_compare`. */
function readContributions(answer: Answer): Chart | undefined {
  const rows = (answer.contributions as { member: string; contribution: number }[]).slice(0, MOST_BARS);
  if (rows.length === 0) return undefined;
  const others = answer.others as { contribution: number } | undefined;
  const shown = [...rows, ...(others ? [{ member: OTHERS, contribution: others.contribution }] : [])];
  const { period, source } = describe(answer);
  return {
    kind: "bar",
    title: `Change of ${String(answer.metric).replaceAll("_", " ")} by ${String(answer.by)}`,
    period: `${period} against ${String(answer.baseline_period).replace("..", " to ")}`,
    source,
    unit: String(answer.unit),
    categories: shown.map(({ member }) => member),
    isTime: false,
    series: [{ name: "Contribution", values: shown.map(({ contribution }) => contribution) }],
  };
}

/** Measured values and their usual range: `analytics_detect_anomalies`, when the caller requested a chart. */
function readAnomalies(answer: Answer): Chart | undefined {
  const rows = rowsOf(answer, "series");
  if (rows.length < 2) return undefined;
  const found = new Set((answer.anomalies as { at: string }[]).map(({ at }) => at));
  const marks = rows.flatMap(([at], index) => (found.has(String(at)) ? [index] : []));
  return {
    kind: "line",
    title: `${writeName(String(answer.metric))} by ${String(answer.grain)}, ${String(answer.found)} out of line`,
    ...describe(answer),
    unit: String(answer.unit),
    categories: rows.map(([at]) => String(at)),
    isTime: true,
    series: [
      { name: "Measured", values: rows.map((row) => numberOf(row[1])), marks },
      {
        name: "Usual",
        values: rows.map((row) => middle(numberOf(row[2]), numberOf(row[3]))),
        band: rows.map((row) => pairOf(row[2], row[3])),
        isExpected: true,
      },
    ],
  };
}

function middle(low: number | null, high: number | null): number | null {
  return low === null || high === null ? null : (low + high) / 2;
}

function pairOf(low: Cell | undefined, high: Cell | undefined): [number, number] | null {
  return typeof low === "number" && typeof high === "number" ? [low, high] : null;
}

/** `analytics_forecast`: the history, if the answer has it, and the forecast with its interval. */
function readForecast(answer: Answer): Chart {
  const [past, ahead] = [rowsOf(answer, "recent"), rowsOf(answer)];
  const last = past.at(-1);
  const nothing = past.slice(0, -1).map(() => null);
  // The forecast line begins at the last measured point.
  const joint = last === undefined ? [] : [numberOf(last[1])];
  return {
    kind: "line",
    title: `${writeName(String(answer.metric))} by ${String(answer.grain)}, forecast`,
    ...describe(answer, ` and ${ahead.length} ahead`),
    unit: String(answer.unit),
    categories: [...past, ...ahead].map(([bucket]) => String(bucket)),
    isTime: true,
    series: [
      ...(past.length > 0
        ? [{ name: "Measured", values: [...past.map((row) => numberOf(row[1])), ...ahead.map(() => null)] }]
        : []),
      {
        name: "Expected, with interval",
        values: [...nothing, ...joint, ...ahead.map((row) => numberOf(row[1]))],
        band: [...past.map(() => null), ...ahead.map((row) => pairOf(row[2], row[3]))],
        isExpected: true,
      },
    ],
  };
}

/** `analytics_funnel`: people at each step, one colour per member of the dimension. */
function readFunnel(answer: Answer, columns: readonly string[]): Chart {
  const rows = rowsOf(answer);
  const at = columns.indexOf("step");
  const steps = [...new Set(rows.map((row) => String(row[at])))];
  const members = [...Map.groupBy(rows, (row) => (at === 0 ? "People" : String(row[0])))];
  return {
    kind: "bar",
    title: at === 0 ? "People at each step" : `People at each step by ${columns[0]}`,
    ...describe(answer),
    unit: "count",
    categories: steps.map(writeName),
    isTime: false,
    series: members.slice(0, MOST_SERIES).map(([name, own]) => ({
      name,
      values: steps.map((step) => numberOf(own.find((row) => row[at] === step)?.[at + 1])),
    })),
  };
}

/** `analytics_retention`: one row per cohort, one column per later bucket. */
function readCohorts(answer: Answer, columns: readonly string[]): Chart {
  const rows = rowsOf(answer);
  return {
    kind: "heat",
    title: "Customers who came back, by cohort",
    ...describe(answer),
    unit: "percent",
    categories: columns.slice(2).map((age) => `+${age}`),
    isTime: false,
    series: rows.map((row) => ({ name: String(row[0]), values: row.slice(2).map(numberOf) })),
  };
}
