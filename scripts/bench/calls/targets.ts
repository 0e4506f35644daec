/** A performance target and its measured value. */
export interface Verdict {
  target: string;
  /** Measured value, in the target's unit. */
  measured: number;
  unit: string;
  met: boolean;
}

/** Input of the targets. */
export interface TargetFigures {
  /** Guarded throughput divided by bare throughput. */
  sessionfulRatio: number;
  statelessRatio: number;
  /**
   * Milliseconds that the guard adds to the 95th percentile of a single client, for the slower generation.
   */
  addedP95: number;
  /** Milliseconds per decision, under 1,000 rules. */
  decideP99: number;
  /**
   * Durable Object requests that a call waits for, in addition to the sessionful lane's own; the worse
   * generation.
   */
  extraRequests: number;
}

/** Compares the figures with the project's targets. */
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
      // Counts are means over many calls and may include a retry.
      met: figures.extraRequests <= 1.01,
    },
  ];
}
