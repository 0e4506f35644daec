import { type Chart, type Point, writeShort } from "./chart.ts";
import { type Axes, drawAxes } from "./draw-axes.ts";
import { AXIS_SIZE, type Frame } from "./frame.ts";
import { fitText, label, measureText, tag } from "./markup.ts";
import { scaleValues } from "./scales.ts";

/** A bar from one value to another, in the lane of its category. */
type Box = (category: number, lane: number, lanes: number, from: number, to: number) => Bar;

interface Bar {
  x: number;
  y: number;
  width: number;
  height: number;
}

/**
 * Draws vertical bars over time and horizontal bars over names, which leaves room for the names; grouped or
 * stacked.
 */
export function drawBars(
  chart: Chart,
  frame: Frame,
): { parts: string[]; points: Point[]; plot: Axes["plot"] } {
  return chart.isTime ? drawColumns(chart, frame) : drawRows(chart, frame);
}

function drawColumns(chart: Chart, frame: Frame) {
  const { scale, centre, step, plot, parts } = drawAxes(chart, frame);
  const box: Box = (category, lane, lanes, from, to) => {
    const width = (step * 0.76) / lanes;
    const [high, low] = [scale.place(Math.max(from, to)), scale.place(Math.min(from, to))];
    return { x: centre(category) - step * 0.38 + lane * width, y: high, width, height: low - high };
  };
  const { bars, points } = placeBars(chart, frame, box);
  return { parts: [...parts, ...bars], points, plot };
}

function drawRows(chart: Chart, frame: Frame) {
  const { left, top, right, bottom, theme } = frame;
  const step = (bottom - top) / Math.max(1, chart.categories.length);
  const names = chart.categories.map((name) => fitText(name, AXIS_SIZE, (right - left) * 0.32));
  const start = left + Math.max(...names.map((name) => measureText(name, AXIS_SIZE))) + 10;
  const isSingle = chart.series.length === 1;
  const end = right - (isSingle ? 66 : 8);
  const scale = scaleValues(chart, start, end, 4);
  const box: Box = (category, lane, lanes, from, to) => {
    const height = (step * 0.72) / lanes;
    const [low, high] = [scale.place(Math.min(from, to)), scale.place(Math.max(from, to))];
    return { x: low, y: top + category * step + step * 0.14 + lane * height, width: high - low, height };
  };
  const { bars, points } = placeBars(chart, frame, box);
  const centre = (category: number) => top + (category + 0.5) * step + 4.5;
  const values = isSingle ? (chart.series[0]?.values ?? []) : [];
  const zero = scale.place(0);
  return {
    parts: [
      tag("line", { x1: zero, x2: zero, y1: top, y2: bottom, stroke: theme.quiet }),
      ...bars,
      ...names.map((name, index) =>
        label(name, start - 8, centre(index), { fill: theme.ink, size: AXIS_SIZE, anchor: "end" }),
      ),
      ...values.map((value, index) =>
        value === null
          ? ""
          : label(writeShort(value, chart.unit), Math.max(zero, scale.place(value)) + 6, centre(index), {
              fill: theme.ink,
              size: AXIS_SIZE,
            }),
      ),
    ],
    points,
    plot: { left: start, top, right, bottom },
  };
}

function placeBars(chart: Chart, { colours, theme }: Frame, box: Box): { bars: string[]; points: Point[] } {
  const isStacked = chart.kind === "stacked";
  const lanes = isStacked ? 1 : chart.series.length;
  const points: Point[] = [];
  const bars = chart.categories.flatMap((_, category) => {
    let [up, down] = [0, 0];
    return chart.series.map(({ values, marks }, index) => {
      const value = values[category] ?? null;
      if (value === null) return "";
      const from = !isStacked ? 0 : value < 0 ? down : up;
      if (value < 0) down += value;
      else up += value;
      const bar = box(category, isStacked ? 0 : index, lanes, from, from + value);
      points.push({ series: index, category, x: bar.x + bar.width / 2, y: bar.y + bar.height / 2 });
      return tag("rect", {
        ...bar,
        fill: marks?.includes(category) ? theme.mark : colours[index],
        // A border separates stacked bars for readers who cannot tell the colours apart.
        stroke: isStacked ? theme.ground : undefined,
      });
    });
  });
  return { bars, points };
}
