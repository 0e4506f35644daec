import { type Chart, type Point, writeShort } from "./chart.ts";
import { AXIS_SIZE, type Frame } from "./frame.ts";
import { label, measureText, tag } from "./markup.ts";
import { isLight, mixColours } from "./themes.ts";

/** Draws a grid of shares: a larger share has a stronger colour; a cell shows its figure where it fits. */
export function drawHeat(chart: Chart, { left, top, right, bottom, theme }: Frame) {
  const start = left + Math.max(...chart.series.map(({ name }) => measureText(name, AXIS_SIZE)), 0) + 10;
  const head = top + 20;
  const [width, height] = [
    (right - start) / Math.max(1, chart.categories.length),
    (bottom - head) / Math.max(1, chart.series.length),
  ];
  const most = Math.max(...chart.series.flatMap(({ values }) => values.map((value) => value ?? 0)), 1);
  const points: Point[] = [];
  const size = Math.min(AXIS_SIZE, height - 4);
  const cells = chart.series.flatMap(({ values }, row) =>
    values.map((value, column) => {
      if (value === null) return "";
      const fill = mixColours(theme.heat[0], theme.heat[1], Math.max(0, value) / most);
      const [x, y] = [start + column * width, head + row * height];
      points.push({ series: row, category: column, x: x + 4, y: y + 4 });
      const text = writeShort(value, "");
      const fits = size >= 8 && measureText(text, size) < width - 4;
      return (
        tag("rect", { x: x + 1, y: y + 1, width: width - 2, height: height - 2, rx: 2, fill }) +
        (fits
          ? label(text, x + width / 2, y + height / 2 + size * 0.36, {
              fill: isLight(fill) ? "#10201f" : "#ffffff",
              size,
              anchor: "middle",
            })
          : "")
      );
    }),
  );
  const every = Math.max(1, Math.ceil(26 / width));
  return {
    parts: [
      ...cells,
      ...chart.categories.flatMap((name, column) =>
        column % every === 0
          ? [
              label(name, start + (column + 0.5) * width, top + 12, {
                fill: theme.quiet,
                size: AXIS_SIZE,
                anchor: "middle",
              }),
            ]
          : [],
      ),
      ...chart.series.map(({ name }, row) =>
        label(name, start - 8, head + (row + 0.5) * height + 4.5, {
          fill: theme.ink,
          size: Math.max(9, size),
          anchor: "end",
        }),
      ),
    ],
    points,
    plot: { left: start, top: head, right, bottom },
  };
}
