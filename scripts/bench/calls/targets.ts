/** One promise of the design and what was measured of it. */
export interface Verdict {
  target: string;
  /** As measured, in the target's unit. */
  measured: number;
  unit: string;
  met: boolean;
}

/** What the targets look at. */
export interface TargetFigures {
  /** Guarded throughput through bare throughput. */
  sessionfulRatio: number;
  statelessRatio: number;
  /** Milliseconds that the guard adds to the 95th percentile of a single client, the worse generation. */
  addedP95: number;
  /** Milliseconds, under 1,000 rules. */
  decideP99: number;
  /** Durable Object requests that a call waits for, beyond the one that the sessionful lane consists of; the worse generation. */
  extraRequests: number;
}

/** Compares with the targets that the project has set itself. */
export function judge(figures: TargetFigures): Verdict[] {
  const atLeast = (target: string, measured: number, bound: number): Verdict => ({
    target: `${target} ≥ ${bound}`,
    measured,
    unit: "",
    met: measured >= bound,
  });
  return [
    atLeast("sessionful throughput / bare", figures.sessionfulRatio, 1.5),
    atLeast("stateless throughput / bare", figures.statelessRatio, 0.8),
    { target: "added p95 ≤ 10 ms", measured: figures.addedP95, unit: " ms", met: figures.addedP95 <= 10 },
    {
      target: "decide p99 < 1 ms, 1,000 rules",
      measured: figures.decideP99,
      unit: " ms",
      met: figures.decideP99 < 1,
    },
    {
      target: "extra object requests a call waits for ≤ 1",
      measured: figures.extraRequests,
      unit: "",
      // Counts are means over many calls, and a retry may be among them.
      met: figures.extraRequests <= 1.01,
    },
  ];
}
