import { mean } from "d3-array";
import { fit, project, type Step } from "./holt-winters.ts";

/** Accuracy of the method on points that it had not seen. */
export interface BackTest {
  /** Number of compared points. */
  points: number;
  /** Number of forecasts, each from an earlier end of the history. */
  origins: number;
  /**
   * Below 1 is better than repeating the season (or the last value). `null` where the history is constant.
   */
  mase: number | null;
  /** Mean error in percent; `null` where a value was 0. */
  mape: number | null;
  /** Percentage of points inside the interval. */
  coverage: number;
}

/** Maximum number of forecasts in a back-test. */
const MAX_ORIGINS = 4;

/**
 * Forecasts the past from ends that lie `horizon` apart (rolling origin, Tashman: International J. of
 * Forecasting 16, 2000) and compares. MASE scales each error by that of the seasonal naive forecast on the
 * history known then (Hyndman and Koehler: International J. of Forecasting 22, 2006). Returns `undefined`
 * where less than two cycles of history would remain.
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
  // Holds back a third of the history at most, so that the tested model resembles the used one.
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

/** The mean; `null` if any value is not finite. */
function meanOrNull(values: readonly number[]): number | null {
  return values.every(Number.isFinite) ? (mean(values) ?? null) : null;
}
