import { type Chart, writeShort } from "./chart.ts";
import { AXIS_SIZE, type Frame } from "./frame.ts";
import { fitText, label, measureText, tag } from "./markup.ts";
import { scaleValues, shortenBucket, type ValueScale } from "./scales.ts";

/**
 * Axes of a chart with vertical values: positions of categories and values, and the drawn lines and labels.
 */
export interface Axes {
  scale: ValueScale;
  /** Middle of a category. */
  centre(index: number): number;
  /** Width of one category. */
  step: number;
  plot: { left: number; top: number; right: number; bottom: number };
  parts: string[];
}

/**
 * Draws a vertical value axis and a horizontal category axis; omits labels of categories that would overlap.
 */
export function drawAxes(chart: Chart, { left, top, right, bottom, theme }: Frame): Axes {
  const base = bottom - 24;
  const scale = scaleValues(chart, base, top + 8, Math.max(2, Math.round((base - top) / 56)));
  const written = scale.ticks.map((value) => writeShort(value, chart.unit));
  const start = left + Math.max(...written.map((text) => measureText(text, AXIS_SIZE))) + 10;
  const step = (right - start) / Math.max(1, chart.categories.length);
  const centre = (index: number) => start + (index + 0.5) * step;
  const lines = scale.ticks.map((value, index) => {
    const y = scale.place(value);
    return (
      tag("line", { x1: start, x2: right, y1: y, y2: y, stroke: value === 0 ? theme.quiet : theme.grid }) +
      label(written[index] ?? "", start - 8, y + 4.5, { fill: theme.quiet, size: AXIS_SIZE, anchor: "end" })
    );
  });
  return {
    scale,
    centre,
    step,
    plot: { left: start, top, right, bottom: base },
    parts: [...lines, ...labelCategories(chart, centre, step, base + 19, right, theme.quiet)],
  };
}

function labelCategories(
  { categories, isTime }: Chart,
  centre: (index: number) => number,
  step: number,
  y: number,
  right: number,
  fill: string,
): string[] {
  const texts = categories.map((text) => (isTime ? shortenBucket(text) : text));
  const widest = Math.max(...texts.map((text) => measureText(text, AXIS_SIZE)), 1);
  const every = isTime ? Math.max(1, Math.ceil((widest + 14) / step)) : 1;
  return texts.flatMap((text, index) => {
    if (index % every !== 0) return [];
    const shown = isTime ? text : fitText(text, AXIS_SIZE, step - 6);
    const half = measureText(shown, AXIS_SIZE) / 2;
    return [
      label(shown, Math.min(centre(index), right - half), y, { fill, size: AXIS_SIZE, anchor: "middle" }),
    ];
  });
}
