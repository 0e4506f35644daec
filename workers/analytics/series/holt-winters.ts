import { mean } from "d3-array";

/** Smoothing parameters as R's `forecast::ets` prints them: `beta` is already multiplied by `alpha`. */
export interface Smoothing {
  alpha: number;
  beta: number;
  gamma: number;
  /** Damping of the trend, below 1. */
  phi: number;
}

/** Level, trend and one season, whose first entry is the next phase. */
export interface State {
  level: number;
  trend: number;
  season: number[];
}

/** A fitted model. */
export interface Fitted {
  smoothing: Smoothing;
  /** After the last point. */
  state: State;
  /** One-step errors. */
  errors: number[];
  /** Variance of the errors; the parameters reduce the degrees of freedom. */
  variance: number;
}

/** A forecast value with the standard deviation of its error. */
export interface Step {
  value: number;
  deviation: number;
}

/**
 * Runs the error-correction form of Holt-Winters with additive errors, damped additive trend and additive
 * season, ETS(A,Ad,A): ŷ = l + φb + s; l' = l + φb + αe; b' = φb + βe; s' = s + γe. (Hyndman and
 * Athanasopoulos, Forecasting: Principles and Practice, 3rd ed., section 8.5; Holt 1957, Winters 1960,
 * Gardner and McKenzie 1985 for the damping.) Without a season pass a state whose season is [0] and gamma 0.
 */
export function smooth(
  values: readonly number[],
  smoothing: Smoothing,
  start: State,
): { state: State; errors: number[] } {
  const { alpha, beta, gamma, phi } = smoothing;
  const season = [...start.season];
  let { level, trend } = start;
  const errors: number[] = [];
  for (const [index, value] of values.entries()) {
    const phase = index % season.length;
    const before = season[phase] ?? 0;
    const error = value - (level + phi * trend + before);
    level += phi * trend + alpha * error;
    trend = phi * trend + beta * error;
    season[phase] = before + gamma * error;
    errors.push(error);
  }
  const turn = values.length % season.length;
  return { state: { level, trend, season: [...season.slice(turn), ...season.slice(0, turn)] }, errors };
}

/**
 * The next `horizon` points. The variance of step h is σ²(1 + Σ c²) with c_j = α + β(φ + … + φ^j) + γ·[j is a
 * whole season], the class 1 models of Hyndman, Koehler, Ord, Snyder: Forecasting with Exponential Smoothing,
 * 2008, section 6.3.
 */
export function project(
  { smoothing, state, variance }: Pick<Fitted, "smoothing" | "state" | "variance">,
  horizon: number,
): Step[] {
  const { alpha, beta, gamma, phi } = smoothing;
  const period = state.season.length;
  let damped = 0;
  let spread = 1;
  return Array.from({ length: horizon }, (_, step) => {
    if (step > 0) spread += (alpha + beta * damped + (step % period === 0 ? gamma : 0)) ** 2;
    damped += phi ** (step + 1);
    return {
      value: state.level + damped * state.trend + (state.season[step % period] ?? 0),
      deviation: Math.sqrt(variance * spread),
    };
  });
}

/**
 * The standard deviation of a weighted sum of the next points, one weight per point. Their errors are not
 * independent: each consists of the shocks up to it, e_h + Σ c_j e_{h−j} with the c_j of {@link project}, so
 * the function sums the total weight of each shock.
 */
export function deviateSum(
  { smoothing, state, variance }: Pick<Fitted, "smoothing" | "state" | "variance">,
  weights: readonly number[],
): number {
  const { alpha, beta, gamma, phi } = smoothing;
  let damped = 0;
  const echoes = weights.map((_, lag) => {
    if (lag === 0) return 1;
    damped += phi ** lag;
    return alpha + beta * damped + (lag % state.season.length === 0 ? gamma : 0);
  });
  let squares = 0;
  for (let shock = 0; shock < weights.length; shock++) {
    let whole = 0;
    for (let at = shock; at < weights.length; at++) whole += (weights[at] ?? 0) * (echoes[at - shock] ?? 0);
    squares += whole * whole;
  }
  return Math.sqrt(variance * squares);
}

/**
 * Finds the parameters with the smallest sum of squared one-step errors: a coarse grid, then a pattern search
 * (Hooke and Jeeves 1961) that halves its steps. Needs at least two seasons and four points.
 */
export function fit(values: readonly number[], period: number): Fitted {
  const start = startState(values, period);
  const isSeasonal = period > 1;
  const tried = (point: readonly number[]) =>
    sumSquares(smooth(values, toSmoothing(point, isSeasonal), start).errors);
  let best: readonly number[] = [];
  let least = Number.POSITIVE_INFINITY;
  for (const alpha of [0.05, 0.2, 0.5, 0.8]) {
    for (const beta of [0.01, 0.1, 0.4]) {
      for (const gamma of isSeasonal ? [0.05, 0.3] : [0]) {
        for (const phi of [0.85, 0.97]) {
          const loss = tried([alpha, beta, gamma, phi]);
          if (loss < least) [best, least] = [[alpha, beta, gamma, phi], loss];
        }
      }
    }
  }
  for (let step = 0.1; step > 0.002; ) {
    const before = least;
    for (const axis of [0, 1, 2, 3]) {
      for (const direction of [step, -step]) {
        const point = best.map((value, index) => (index === axis ? value + direction : value));
        const loss = tried(point);
        if (loss < least) [best, least] = [point, loss];
      }
    }
    if (least >= before) step /= 2;
  }
  const smoothing = toSmoothing(best, isSeasonal);
  const { state, errors } = smooth(values, smoothing, start);
  const parameters = isSeasonal ? 4 : 3;
  return { smoothing, state, errors, variance: least / Math.max(1, values.length - parameters) };
}

/**
 * Keeps parameters where the model is stable: 0 < β < α < 1, 0 < γ < 1 − α, 0.8 ≤ φ ≤ 0.98 (ibid., section
 * 8.6).
 */
function toSmoothing([a = 0, b = 0, g = 0, p = 0]: readonly number[], isSeasonal: boolean): Smoothing {
  const clamp = (value: number, low: number, high: number) => Math.min(high, Math.max(low, value));
  const alpha = clamp(a, 0.001, 0.999);
  return {
    alpha,
    beta: alpha * clamp(b, 0.0001, 0.999),
    gamma: isSeasonal ? (1 - alpha) * clamp(g, 0.0001, 0.999) : 0,
    phi: clamp(p, 0.8, 0.98),
  };
}

/**
 * Initial level, trend and season from the first cycles: mean of the first, difference of their means,
 * deviation from both.
 */
function startState(values: readonly number[], period: number): State {
  if (period === 1) {
    const head = values.slice(0, Math.min(10, values.length));
    const slope = ((head.at(-1) ?? 0) - (head[0] ?? 0)) / Math.max(1, head.length - 1);
    return { level: (head[0] ?? 0) - slope, trend: slope, season: [0] };
  }
  const cycles = Math.min(4, Math.floor(values.length / period));
  const means = Array.from(
    { length: cycles },
    (_, cycle) => mean(values.slice(cycle * period, (cycle + 1) * period)) ?? 0,
  );
  const slope = ((means.at(-1) ?? 0) - (means[0] ?? 0)) / Math.max(1, cycles - 1) / period;
  const raw = Array.from(
    { length: period },
    (_, phase) =>
      mean(
        means,
        (level, cycle) => (values[cycle * period + phase] ?? 0) - level - slope * (phase - (period - 1) / 2),
      ) ?? 0,
  );
  const centre = mean(raw) ?? 0;
  return {
    level: (means[0] ?? 0) - slope * ((period + 1) / 2),
    trend: slope,
    season: raw.map((value) => value - centre),
  };
}

function sumSquares(errors: readonly number[]): number {
  return errors.reduce((sum, error) => sum + error * error, 0);
}
