import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { backTest } from "../../workers/analytics/series/back-test.ts";
import {
  fit,
  project,
  type Smoothing,
  type State,
  smooth,
} from "../../workers/analytics/series/holt-winters.ts";

/**
 * International visitor nights in Australia by quarter, 1999 to 2015, in millions: `austourists` of Hyndman
 * and Athanasopoulos, Forecasting: Principles and Practice (R package fpp2).
 */
const TOURISTS = [
  30.052513, 19.148496, 25.317692, 27.591437, 32.076456, 23.487961, 28.47594, 35.123753, 36.838485, 25.007017,
  30.72223, 28.693759, 36.640986, 23.824609, 29.311683, 31.770309, 35.177877, 19.775244, 29.60175, 34.538842,
  41.273599, 26.655862, 28.279859, 35.191153, 42.20566386, 24.64917133, 32.66733514, 37.25735401, 45.24246027,
  29.35048127, 36.34420728, 41.78208136, 49.27659843, 31.27540139, 37.85062549, 38.83704413, 51.23690034,
  31.83855162, 41.32342126, 42.79900337, 55.70835836, 33.40714492, 42.31663797, 45.15712257, 59.57607996,
  34.83733016, 44.84168072, 46.9712496, 60.01903094, 38.37117851, 46.97586413, 50.73379646, 61.64687319,
  39.29956937, 52.67120908, 54.33231689, 66.83435838, 40.87118847, 51.82853579, 57.49190993, 65.25146985,
  43.06120822, 54.76075713, 59.83447494, 73.25702747, 47.69662373, 61.09776802, 66.05576122,
];

/**
 * ETS(A,Ad,A) as `forecast::ets` of R fits it to the series, from the reference results of statsmodels' own
 * tests.
 */
const R = {
  smoothing: { alpha: 0.35445427, beta: 0.03200749, gamma: 0.39993387, phi: 0.97999997 },
  start: {
    level: 24.01278357,
    trend: 0.97770147,
    season: [5.34956637, -6.61171798, -0.50735902, 1.76951063],
  },
  end: {
    level: 62.00340579,
    trend: 0.70652496,
    season: [13.38188051, -11.75693566, -0.07474503, 3.58786407],
  },
  variance: 6.0830734,
  firstErrors: [-0.26798435, -0.04630728, -0.87557077, -1.4331853, -0.71563504, 2.05806973],
  forecast: [76.07768073, 51.61741109, 63.96457729, 68.27886241],
};

function expectClose(found: readonly number[], published: readonly number[], digits: number) {
  expect(found).toHaveLength(published.length);
  for (const [index, value] of published.entries()) expect(found[index]).toBeCloseTo(value, digits);
}

describe("Holt-Winters against the published example of visitor nights", () => {
  it("has R's errors and R's level, trend and season at the end", () => {
    const { state, errors } = smooth(TOURISTS, R.smoothing, R.start);
    expectClose(errors.slice(0, 6), R.firstErrors, 5);
    expectClose([state.level, state.trend, ...state.season], [R.end.level, R.end.trend, ...R.end.season], 4);
    const squares = errors.reduce((sum, error) => sum + error * error, 0);
    // R subtracts ten parameters: four for smoothing, six for the estimated states.
    expect(squares / (TOURISTS.length - 9)).toBeCloseTo(R.variance, 3);
  });

  it("forecasts R's next year", () => {
    const { state } = smooth(TOURISTS, R.smoothing, R.start);
    const steps = project({ smoothing: R.smoothing, state, variance: R.variance }, 4);
    expectClose(
      steps.map(({ value }) => value),
      R.forecast,
      4,
    );
  });

  it("fits nearly as well on its own as R, which also optimises the initial states", () => {
    const own = fit(TOURISTS, 4);
    const squares = own.errors.reduce((sum, error) => sum + error * error, 0);
    expect(squares).toBeLessThan(R.variance * (TOURISTS.length - 9) * 1.1);
    const steps = project(own, 4);
    for (const [index, { value, deviation }] of steps.entries()) {
      expect(Math.abs(value - (R.forecast[index] ?? 0))).toBeLessThan(deviation);
    }
  });

  it("is more accurate on the history than repeating the year before", () => {
    const test = backTest(TOURISTS, 4, 4, 1.96);
    expect(test?.points).toBe(16);
    expect(test?.mase).toBeLessThan(1);
    expect(test?.mape).toBeLessThan(10);
    expect(test?.coverage).toBeGreaterThan(75);
  });
});

describe("the error on the past", () => {
  it("is each miss divided by the mean miss of repeating the last season of the history known then (MASE)", () => {
    const [season, horizon] = [4, 6];
    const misses: number[] = [];
    for (const origin of [62, 56, 50, 44]) {
      const known = TOURISTS.slice(0, origin);
      const naive = known.slice(season).map((value, index) => Math.abs(value - (known[index] ?? 0)));
      const scale = naive.reduce((sum, miss) => sum + miss, 0) / naive.length;
      for (const [step, { value }] of project(fit(known, season), horizon).entries()) {
        misses.push(Math.abs((TOURISTS[origin + step] ?? 0) - value) / scale);
      }
    }
    const mase = misses.reduce((sum, miss) => sum + miss, 0) / misses.length;
    const test = backTest(TOURISTS, season, horizon, 1.96);
    expect(test?.points).toBe(24);
    expect(test?.mase).toBeCloseTo(mase, 10);
  });

  it("has no scale for a constant history", () => {
    expect(backTest(Array<number>(40).fill(7), 7, 5, 1.96)?.mase).toBeNull();
  });
});

/** The variance of step h in closed form (Hyndman et al. 2008, table 6.1, ETS(A,Ad,A)). */
function closedForm({ alpha, beta, gamma, phi }: Smoothing, m: number, h: number): number {
  const k = Math.floor((h - 1) / m);
  return (
    1 +
    alpha ** 2 * (h - 1) +
    gamma * k * (2 * alpha + gamma) +
    ((beta * phi * h) / (1 - phi) ** 2) * (2 * alpha * (1 - phi) + beta * phi) -
    ((beta * phi * (1 - phi ** h)) / ((1 - phi) ** 2 * (1 - phi ** 2))) *
      (2 * alpha * (1 - phi ** 2) + beta * phi * (1 + 2 * phi - phi ** h)) +
    ((2 * beta * gamma * phi) / ((1 - phi) * (1 - phi ** m))) *
      (k * (1 - phi ** m) - phi ** m * (1 - phi ** (m * k)))
  );
}

describe("the interval", () => {
  it("has the width of the published closed form at every step", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.01, max: 0.9, noNaN: true }),
        fc.double({ min: 0.01, max: 0.9, noNaN: true }),
        fc.double({ min: 0.01, max: 0.5, noNaN: true }),
        fc.double({ min: 0.8, max: 0.98, noNaN: true }),
        fc.integer({ min: 2, max: 12 }),
        fc.integer({ min: 1, max: 40 }),
        (alpha, share, gamma, phi, m, h) => {
          const smoothing = { alpha, beta: alpha * share, gamma, phi };
          const state: State = { level: 0, trend: 0, season: Array<number>(m).fill(0) };
          const last = project({ smoothing, state, variance: 1 }, h).at(-1);
          expect((last?.deviation ?? 0) ** 2).toBeCloseTo(closedForm(smoothing, m, h), 6);
        },
      ),
    );
  });

  it("covers about 95 of 100 points of noise around a season", () => {
    // A fixed sequence of uniform noise, summed to be nearly normal.
    let seed = 7;
    const next = () => {
      seed = (seed * 16_807) % 2_147_483_647;
      return seed / 2_147_483_647;
    };
    const noise = () => Array.from({ length: 12 }, next).reduce((sum, value) => sum + value, -6);
    const values = Array.from(
      { length: 420 },
      (_, index) => 100 + 20 * Math.sin((index * 2 * Math.PI) / 7) + 5 * noise(),
    );
    const test = backTest(values, 7, 28, 1.96);
    expect(test?.coverage).toBeGreaterThan(88);
    expect(test?.mase).toBeLessThan(0.85);
  });
});

describe("any history", () => {
  it("gives finite figures, also for a constant history", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 100_000 }), { minLength: 21, maxLength: 60 }),
        fc.constantFrom(1, 7),
        (values, season) => {
          for (const { value, deviation } of project(fit(values, season), 30)) {
            expect(Number.isFinite(value)).toBe(true);
            expect(deviation).toBeGreaterThanOrEqual(0);
          }
        },
      ),
      { numRuns: 30 },
    );
    const still = project(fit(Array<number>(28).fill(5), 7), 3);
    expect(still.map(({ value }) => Math.round(value * 1e6) / 1e6)).toEqual([5, 5, 5]);
    expect(backTest(Array<number>(40).fill(5), 1, 7, 1.96)?.mase).toBeNull();
  });
});
