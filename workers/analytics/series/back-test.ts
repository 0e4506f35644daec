import { mean } from "d3-array";
import { fit, project, type Step } from "./holt-winters.ts";

/** How well the method would have done on points it had not seen. */
export interface BackTest {
  /** Forecasts that were compared. */
  points: number;
  /** Forecasts made, each from an earlier end of the history. */
  origins: number;
  /** Below 1 is better than repeating the season (or the last value). `null` where the history never changes. */
  mase: number | null;
  /** Mean error in percent; `null` where a value was 0. */
  mape: number | null;
  /** Percent of the points that fell into the interval. */
  coverage: number;
}

/** Forecasts that are made again in the past at most. */
const MAX_ORIGINS = 4;

/**
 * Forecasts the past from ends that lie `horizon` apart (rolling origin, Tashman: International J. of Forecasting 16, 2000) and
 * compares. MASE scales each error by that of the seasonal naive forecast within what was known then (Hyndman and Koehler:
 * International J. of Forecasting 22, 2006). Gives `undefined` where less than two cycles would be left to learn from.
 */
export function backTest(
  values: readonly number[],
  period: number,
  horizon: number,
  width: number,
  forecast: (known: readonly number[], steps: number) => Step[] = (known, steps) =>
    project(fit(known, period), steps),
): BackTest | undefined {
  const least = Math.max(2 * period, 8);
  // A third of the history at most is held back, so that the model that is tested resembles the one that is used.
  const steps = Math.min(horizon, Math.floor(values.length / 3));
  const scaled: number[] = [];
  const percents: number[] = [];
  let inside = 0;
  let origins = 0;
  for (
    let origin = values.length - steps;
    origins < MAX_ORIGINS && origin >= least && steps > 0;
    origin -= steps
  ) {
    const known = values.slice(0, origin);
    const scale = mean(known.slice(period), (value, index) => Math.abs(value - (known[index] ?? 0))) ?? 0;
    const steppedFrom = forecast(known, steps);
    origins++;
    for (const [step, { value, deviation }] of steppedFrom.entries()) {
      const actual = values[origin + step] ?? 0;
      scaled.push(Math.abs(actual - value) / scale);
      percents.push(Math.abs((actual - value) / actual) * 100);
      if (Math.abs(actual - value) <= width * deviation) inside++;
    }
  }
  if (scaled.length === 0) return undefined;
  return {
    points: scaled.length,
    origins,
    mase: meanOrNull(scaled),
    mape: meanOrNull(percents),
    coverage: (inside / scaled.length) * 100,
  };
}

/** The mean; `null` where a value was divided by nothing. */
function meanOrNull(values: readonly number[]): number | null {
  return values.every(Number.isFinite) ? (mean(values) ?? null) : null;
}
