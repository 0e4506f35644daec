import type { Chart, Drawing } from "./chart.ts";
import { drawBars } from "./draw-bars.ts";
import { drawHeat } from "./draw-heat.ts";
import { drawLines } from "./draw-lines.ts";
import { fitText, label, measureText, tag } from "./markup.ts";
import { colourSeries, type Theme } from "./themes.ts";

/** Size and colours of a drawing, and whether it includes title, legend and source. */
export interface Canvas {
  width: number;
  height: number;
  theme: Theme;
  /** False where the surrounding page shows title, legend and source. */
  isFramed: boolean;
  /** Colours of the series, if they differ from the theme's. */
  colours?: readonly string[];
}

const MARGIN = 18;
const TITLE_SIZE = 19;
const SMALL_SIZE = 13;
const FONTS = "Inter, system-ui, sans-serif";

/** Draws a chart as SVG. The picture in an answer and the chart in the view use the same drawing. */
export function drawChart(chart: Chart, canvas: Canvas): Drawing {
  const { width, height, theme, isFramed } = canvas;
  const names = chart.series.map(({ name }) => name);
  const colours = canvas.colours ?? colourSeries(theme, names);
  const around = isFramed
    ? drawFrame(chart, width, height, theme, colours)
    : { top: 8, bottom: 0, parts: [] };
  const edge = isFramed ? MARGIN : 2;
  const frame = {
    left: edge,
    right: width - edge,
    top: around.top,
    bottom: height - around.bottom - 4,
    theme,
    colours,
  };
  const { parts, points, plot } = DRAWERS[chart.kind](chart, frame);
  const ground = isFramed ? [tag("rect", { width, height, fill: theme.ground })] : [];
  const svg = tag(
    "svg",
    {
      xmlns: "http://www.w3.org/2000/svg",
      width,
      height,
      viewBox: `0 0 ${width} ${height}`,
      "font-family": FONTS,
    },
    ...ground,
    ...around.parts,
    ...parts,
  );
  return { svg, points, plot };
}

const DRAWERS = { line: drawLines, bar: drawBars, stacked: drawBars, heat: drawHeat } as const;

/** Draws title, period and unit above the chart, the legend below them and the source at the bottom. */
function drawFrame(chart: Chart, width: number, height: number, theme: Theme, colours: readonly string[]) {
  const room = width - 2 * MARGIN;
  const under = [chart.period, UNITS[chart.unit] ?? chart.unit].filter((text) => text !== "").join(" · ");
  const legend = drawLegend(chart, width, MARGIN + 62, theme, colours);
  return {
    top: MARGIN + (legend.rows === 0 ? 52 : 56 + legend.rows * 20),
    bottom: MARGIN + 14,
    parts: [
      label(fitText(chart.title, TITLE_SIZE, room), MARGIN, MARGIN + 15, {
        fill: theme.ink,
        size: TITLE_SIZE,
        bold: true,
      }),
      label(fitText(under, SMALL_SIZE, room), MARGIN, MARGIN + 36, { fill: theme.quiet, size: SMALL_SIZE }),
      ...legend.parts,
      label(fitText(`Source: ${chart.source}`, SMALL_SIZE - 1, room), MARGIN, height - MARGIN + 4, {
        fill: theme.quiet,
        size: SMALL_SIZE - 1,
      }),
    ],
  };
}

const UNITS: Readonly<Record<string, string>> = { USD: "US dollars", percent: "percent", count: "number" };

function drawLegend(chart: Chart, width: number, top: number, theme: Theme, colours: readonly string[]) {
  if (chart.kind === "heat" || chart.series.length < 2) return { rows: 0, parts: [] };
  const parts: string[] = [];
  let [x, rows] = [MARGIN, 1];
  for (const [index, { name }] of chart.series.entries()) {
    const text = fitText(name, SMALL_SIZE, 180);
    const needed = 18 + measureText(text, SMALL_SIZE) + 18;
    if (x + needed > width - MARGIN && x > MARGIN) [x, rows] = [MARGIN, rows + 1];
    const y = top + (rows - 1) * 20;
    parts.push(
      tag("rect", { x, y: y - 10, width: 12, height: 12, rx: 2, fill: colours[index] }),
      label(text, x + 18, y, { fill: theme.ink, size: SMALL_SIZE }),
    );
    x += needed;
  }
  return { rows, parts };
}
