/** Kinds of metrics, as Prometheus' text format names them. */
type MetricType = "counter" | "gauge" | "histogram";

/** Labels of a sample, by name. */
export type Labels = Readonly<Record<string, string>>;

/** One number with its labels; of a histogram, `suffix` says which of its series it belongs to. */
interface Sample {
  labels: Labels;
  value: number;
  suffix?: "_bucket" | "_sum" | "_count";
}

/** One metric with all of its samples. */
export interface Metric {
  name: string;
  type: MetricType;
  help: string;
  samples: readonly Sample[];
}

/** The content type of Prometheus' text format. */
export const EXPOSITION_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** Writes metrics in Prometheus' text format, version 0.0.4. Label values are escaped. A metric without samples is left out. */
export function writeExposition(metrics: readonly Metric[]): string {
  return metrics
    .filter(({ samples }) => samples.length > 0)
    .map(({ name, type, help, samples }) => {
      const lines = samples.map(
        ({ labels, value, suffix = "" }) => `${name}${suffix}${writeLabels(labels)} ${writeValue(value)}`,
      );
      return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join("\n")}\n`;
    })
    .join("");
}

/**
 * The samples of one histogram: cumulative counts by upper bound, with `+Inf`, and their sum and count.
 *
 * @param bounds - in the unit of the metric; one fewer than `counts`, whose last one is beyond all bounds
 * @param counts - by bound, not cumulative
 */
export function writeHistogram(
  labels: Labels,
  bounds: readonly number[],
  counts: readonly number[],
  sum: number,
): Sample[] {
  let total = 0;
  const buckets = counts.map((count, index): Sample => {
    total += count;
    const bound = bounds[index];
    return {
      labels: { ...labels, le: bound === undefined ? "+Inf" : String(bound) },
      value: total,
      suffix: "_bucket",
    };
  });
  return [...buckets, { labels, value: sum, suffix: "_sum" }, { labels, value: total, suffix: "_count" }];
}

function writeLabels(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeValue(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escapeValue(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');
}

function writeValue(value: number): string {
  return Number.isFinite(value) ? String(value) : value > 0 ? "+Inf" : value < 0 ? "-Inf" : "NaN";
}
