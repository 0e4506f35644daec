import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { expect, it } from "vitest";
import { type Metric, writeExposition, writeHistogram } from "../../workers/gateway/metrics/exposition.ts";
import { readExposition } from "./read-exposition.ts";

const labels = fc.record({ tool: fc.string({ unit: "binary" }), server: fc.string() });

/** Metrics as Prometheus reads them, whatever their label values are. */
const metrics = fc
  .record({
    counts: fc.uniqueArray(fc.tuple(labels, fc.nat()), {
      selector: ([one]) => JSON.stringify(one),
      maxLength: 5,
    }),
    histograms: fc.uniqueArray(
      fc.tuple(labels, fc.array(fc.nat(50), { minLength: 4, maxLength: 4 }), fc.nat()),
      {
        selector: ([one]) => JSON.stringify(one),
        maxLength: 3,
      },
    ),
  })
  .map(({ counts, histograms }): Metric[] => [
    {
      name: "gatehouse_calls_total",
      type: "counter",
      help: "Calls.",
      samples: counts.map(([own, value]) => ({ labels: own, value })),
    },
    {
      name: "mcp_server_operation_duration_seconds",
      type: "histogram",
      help: "Durations.",
      samples: histograms.flatMap(([own, buckets, sum]) =>
        writeHistogram(own, [0.01, 0.5, 10], buckets, sum),
      ),
    },
  ]);

it("writes what its readers read: every label and number", () => {
  fc.assert(
    fc.property(metrics, (written) => {
      const text = writeExposition(written);
      if (text === "") return;
      const found = readExposition(text);
      for (const { name, samples } of written) {
        for (const { labels: own, value, suffix = "" } of samples) {
          expect(found.value(`${name}${suffix}`, own)).toBe(value);
        }
      }
    }),
  );
});

it("passes promtool where it is installed, and the same rules here", () => {
  const text = writeExposition(fc.sample(metrics, { numRuns: 1, seed: 5 })[0] ?? []);
  const hostile = writeExposition([
    {
      name: "gatehouse_calls_total",
      type: "counter",
      help: "Calls.",
      samples: [{ labels: { tool: 'a"\\\n}' }, value: 1 }],
    },
    {
      name: "mcp_server_operation_duration_seconds",
      type: "histogram",
      help: "Durations.",
      samples: writeHistogram({}, [0.01], [1, 2], 3.5),
    },
  ]);
  for (const one of [text, hostile].filter((written) => written !== "")) {
    expect(() => readExposition(one)).not.toThrow();
    const { error, status, stderr } = spawnSync("promtool", ["check", "metrics"], {
      input: one,
      encoding: "utf8",
    });
    if (error === undefined) expect([status, stderr]).toEqual([0, ""]);
  }
});

it("is held to the rules: the reader rejects what Prometheus rejects", () => {
  const wrong = [
    "a 1",
    "# HELP a_total A.\n# TYPE a_total counter\na_total{x=1} 1\n",
    "# HELP a A.\n# TYPE a counter\na 1\n",
    "# HELP a_total A.\n# TYPE a_total counter\na_total 1\na_total 2\n",
    '# HELP a A.\n# TYPE a histogram\na_bucket{le="1"} 2\na_bucket{le="+Inf"} 1\na_sum 1\na_count 1\n',
  ];
  for (const text of wrong) expect(() => readExposition(text)).toThrow();
});
