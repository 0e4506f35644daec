import { fit, project } from "./holt-winters.ts";
import { mean } from "./seasons.ts";

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
 * compares. MASE scales by the error of the seasonal naive forecast within the history (Hyndman and Koehler: International J.
 * of Forecasting 22, 2006). Gives `undefined` where less than two cycles would be left to learn from.
 */
export function backTest(
  values: readonly number[],
  period: number,
  horizon: number,
  width: number,
): BackTest | undefined {
  const least = Math.max(2 * period, 8);
  // A third of the history at most is held back, so that the model that is tested resembles the one that is used.
  const steps = Math.min(horizon, Math.floor(values.length / 3));
  const errors: number[] = [];
  const percents: number[] = [];
  let inside = 0;
  let origins = 0;
  for (
    let origin = values.length - steps;
    origins < MAX_ORIGINS && origin >= least && steps > 0;
    origin -= steps
  ) {
    const steppedFrom = project(fit(values.slice(0, origin), period), steps);
    origins++;
    for (const [step, { value, deviation }] of steppedFrom.entries()) {
      const actual = values[origin + step] ?? 0;
      errors.push(Math.abs(actual - value));
      percents.push(Math.abs((actual - value) / actual) * 100);
      if (Math.abs(actual - value) <= width * deviation) inside++;
    }
  }
  if (errors.length === 0) return undefined;
  const scale = mean(values.slice(period).map((value, index) => Math.abs(value - (values[index] ?? 0))));
  const mape = mean(percents);
  return {
    points: errors.length,
    origins,
    mase: scale === 0 ? null : mean(errors) / scale,
    mape: Number.isFinite(mape) ? mape : null,
    coverage: (inside / errors.length) * 100,
  };
}
