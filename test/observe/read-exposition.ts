/** What a text in Prometheus' format 0.0.4 says. */
export interface ReadMetrics {
  /** Names of series, with the suffixes of histograms. */
  names: ReadonlySet<string>;
  value(name: string, labels: Readonly<Record<string, string>>): number | undefined;
  /** Labels of a series with their values, of all of its samples. */
  labels(name: string): ReadonlyMap<string, ReadonlySet<string>>;
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{([\s\S]*)\})? (NaN|[+-]Inf|-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/y;

/**
 * Reads Prometheus' text format as strictly as `promtool check metrics`. Throws at the first line that breaks a rule: an
 * unknown form, a sample before its type, a type twice, a series twice, a counter without `_total`, a histogram whose
 * buckets fall or lack `+Inf`.
 */
export function readExposition(text: string): ReadMetrics {
  if (!text.endsWith("\n")) throw new Error("The last line has no end.");
  const types = new Map<string, string>();
  const helps = new Set<string>();
  const values = new Map<string, number>();
  let family = "";
  for (const line of text.slice(0, -1).split("\n")) {
    const [, help = ""] = /^# HELP (\S+) \S/.exec(line) ?? [];
    const [, typed = "", type = ""] = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(line) ?? [];
    if (help !== "") {
      if (!NAME.test(help) || helps.has(help)) throw new Error(`HELP twice or of no name: ${line}`);
      helps.add(help);
    } else if (typed !== "") {
      if (types.has(typed) || !helps.has(typed)) throw new Error(`TYPE twice or without HELP: ${line}`);
      if (type === "counter" && !typed.endsWith("_total"))
        throw new Error(`A counter without _total: ${line}`);
      types.set(typed, type);
      family = typed;
    } else {
      const [, name = "", labels = "", value = ""] = SAMPLE.exec(line) ?? [];
      if (name === "") throw new Error(`Not a sample: ${line}`);
      const base = types.get(family) === "histogram" ? name.replace(/_(bucket|sum|count)$/, "") : name;
      if (base !== family) throw new Error(`A sample apart from its type: ${line}`);
      const key = keyOf(name, readLabels(labels));
      if (values.has(key)) throw new Error(`A series twice: ${line}`);
      values.set(key, Number(value.replace("Inf", "Infinity")));
    }
  }
  checkHistograms(values, types);
  const samples = [...values.keys()].map((key) => JSON.parse(key) as [string, [string, string][]]);
  return {
    names: new Set(samples.map(([name]) => name)),
    value: (name, labels) => values.get(keyOf(name, labels)),
    labels(name) {
      const pairs = samples.flatMap(([own, ownPairs]) => (own === name ? ownPairs : []));
      const groups = Map.groupBy(pairs, ([label]) => label);
      return new Map([...groups].map(([label, own]) => [label, new Set(own.map(([, value]) => value))]));
    },
  };
}

function readLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  for (let read = 0; read < text.length; read = LABEL.lastIndex) {
    const [, name = "", value = ""] = LABEL.exec(text) ?? [];
    if (name === "" || name in labels) throw new Error(`Not labels: ${text}`);
    labels[name] = value.replace(/\\([\\"n])/g, (_, escaped: string) => (escaped === "n" ? "\n" : escaped));
  }
  return labels;
}

function checkHistograms(values: ReadonlyMap<string, number>, types: ReadonlyMap<string, string>): void {
  const rows = new Map<string, [bound: number, count: number][]>();
  for (const [key, value] of values) {
    const [name, pairs] = JSON.parse(key) as [string, [string, string][]];
    const base = name.replace(/_bucket$/, "");
    if (base === name || types.get(base) !== "histogram") continue;
    const labels = Object.fromEntries(pairs);
    const { le = "", ...rest } = labels;
    const row = keyOf(base, rest);
    rows.set(row, [...(rows.get(row) ?? []), [Number(le.replace("Inf", "Infinity")), value]]);
  }
  for (const [row, buckets] of rows) {
    const [name, pairs] = JSON.parse(row) as [string, [string, string][]];
    const last = buckets.at(-1);
    const rises = buckets.every(([bound, count], index) => {
      const before = buckets[index - 1];
      return before === undefined || (bound > before[0] && count >= before[1]);
    });
    const total = values.get(keyOf(`${name}_count`, Object.fromEntries(pairs)));
    if (!rises || last?.[0] !== Number.POSITIVE_INFINITY || last[1] !== total) {
      throw new Error(`Not a histogram: ${row}`);
    }
  }
}

function keyOf(name: string, labels: Readonly<Record<string, string>>): string {
  return JSON.stringify([name, Object.entries(labels).sort(([one], [other]) => (one < other ? -1 : 1))]);
}
