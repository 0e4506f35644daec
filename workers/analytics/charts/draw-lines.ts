import type { Chart, Point, Series } from "./chart.ts";
import { type Axes, drawAxes } from "./draw-axes.ts";
import type { Frame } from "./frame.ts";
import { tag } from "./markup.ts";

/** Number of points up to which each point is drawn as a dot. */
const MOST_DOTS = 40;

/** Draws lines over time; forecasts are dashed with their interval as a band, marked points have a ring. */
export function drawLines(
  chart: Chart,
  frame: Frame,
): { parts: string[]; points: Point[]; plot: Axes["plot"] } {
  const axes = drawAxes(chart, frame);
  const points: Point[] = [];
  const parts = chart.series.map((series, index) => {
    const colour = frame.colours[index] ?? frame.theme.ink;
    const own = series.values.flatMap((value, category) =>
      value === null
        ? []
        : [{ series: index, category, x: axes.centre(category), y: axes.scale.place(value) }],
    );
    points.push(...own);
    const dots = chart.categories.length <= MOST_DOTS ? own : isolated(own);
    return [
      tag("path", {
        d: writePath(own),
        fill: "none",
        stroke: colour,
        "stroke-width": 2.25,
        "stroke-linejoin": "round",
        "stroke-dasharray": series.isExpected ? "6 4" : undefined,
      }),
      ...dots.map(({ x, y }) => tag("circle", { cx: x, cy: y, r: 3, fill: colour })),
      ...ringMarks(series, own, frame.theme.mark),
    ].join("");
  });
  const bands = chart.series.map((series, index) => drawBand(series, axes, frame.colours[index] ?? ""));
  return { parts: [...axes.parts, ...bands, ...parts], points, plot: axes.plot };
}

/** A gap in the data is a gap in the line. */
function writePath(points: readonly Point[]): string {
  return points
    .map(({ x, y, category }, index) => {
      const joins = index > 0 && points[index - 1]?.category === category - 1;
      return `${joins ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
    })
    .join("");
}

/** Points without a neighbour, which a line would not show. */
function isolated(points: readonly Point[]): Point[] {
  return points.filter(
    ({ category }, index) =>
      points[index - 1]?.category !== category - 1 && points[index + 1]?.category !== category + 1,
  );
}

function drawBand({ band = [] }: Series, { centre, scale }: Axes, colour: string): string {
  const edges = band.flatMap((pair, index) =>
    pair === null ? [] : [{ x: centre(index), low: scale.place(pair[0]), high: scale.place(pair[1]) }],
  );
  if (edges.length === 0) return "";
  const there = edges.map(({ x, high }) => `${x.toFixed(1)} ${high.toFixed(1)}`);
  const back = edges.toReversed().map(({ x, low }) => `${x.toFixed(1)} ${low.toFixed(1)}`);
  return tag("path", { d: `M${[...there, ...back].join("L")}Z`, fill: colour, "fill-opacity": 0.18 });
}

function ringMarks({ marks = [] }: Series, points: readonly Point[], stroke: string): string[] {
  return points
    .filter(({ category }) => marks.includes(category))
    .map(({ x, y }) => tag("circle", { cx: x, cy: y, r: 6.5, fill: "none", stroke, "stroke-width": 2.5 }));
}
