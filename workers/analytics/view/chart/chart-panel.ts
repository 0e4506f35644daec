import { element } from "../../../../shared/web/view/build-elements.ts";
import { type Chart, type Drawing, type Point, writeValue } from "../../charts/chart.ts";
import { drawChart } from "../../charts/draw-chart.ts";
import { shortenBucket } from "../../charts/scales.ts";
import { colourSeries, THEMES, type Theme } from "../../charts/themes.ts";
import { parseSvg, pointAt } from "./svg.ts";

const NARROW = 480;

/**
 * A chart that a person explores: values by pointer and arrow keys, series that can be left out, the table
 * behind it.
 */
export class ChartPanel {
  readonly root = element("section", {});
  readonly #chart: Chart;
  readonly #plot: HTMLElement;
  readonly #legend = element("div", { class: "legend", role: "group", "aria-label": "Series" });
  readonly #values = element("p", { class: "values quiet", "aria-live": "polite" });
  readonly #hidden = new Set<string>();
  #drawing: Drawing | undefined;
  #at: { category: number; series: number } | undefined;

  constructor(chart: Chart, rows: HTMLTableElement | undefined) {
    this.#chart = chart;
    this.#plot = element("div", {
      class: "plot",
      role: "img",
      tabindex: 0,
      "aria-label": `${chart.title}. ${chart.period}. Arrow keys read the values.`,
      pointermove: (event) => this.#point(event as PointerEvent),
      pointerleave: () => this.#select(undefined),
      keydown: (event) => this.#step(event as KeyboardEvent),
      blur: () => this.#select(undefined),
    });
    const figure = element("div", {}, this.#legend, this.#plot, this.#values);
    this.root.append(
      element("h1", {}, chart.title),
      element("p", { class: "quiet" }, chart.period),
      figure,
      this.#foot(figure, rows),
    );
    this.#fillLegend();
    this.#select(undefined);
    new ResizeObserver(() => this.#draw()).observe(this.#plot);
    new MutationObserver(() => this.#recolour()).observe(document.documentElement, { attributes: true });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#recolour());
  }

  #foot(figure: HTMLElement, rows: HTMLTableElement | undefined): HTMLElement {
    const source = element("span", { class: "quiet" }, `Source: ${this.#chart.source}`);
    if (!rows) return element("div", { class: "foot" }, source);
    const scroll = element(
      "div",
      { class: "scroll", hidden: true, tabindex: 0, role: "region", "aria-label": "Table" },
      rows,
    );
    const toggle = element("button", { type: "button", "aria-pressed": "false" }, "Table");
    toggle.addEventListener("click", () => {
      scroll.hidden = !scroll.hidden;
      figure.hidden = !scroll.hidden;
      toggle.setAttribute("aria-pressed", String(!scroll.hidden));
    });
    return element("div", {}, scroll, element("div", { class: "foot" }, source, toggle));
  }

  /** One button a series. In a heat map the rows are no series to choose from. */
  #fillLegend(): void {
    const { kind, series } = this.#chart;
    if (kind === "heat" || series.length < 2) return;
    const colours = this.#colours();
    const buttons = series.map(({ name }, index) => {
      const swatch = `<svg xmlns="http://www.w3.org/2000/svg" width="12" height="12"><rect width="12" height="12" rx="2" fill="${colours[index]}"/></svg>`;
      const pressed = String(!this.#hidden.has(name));
      const toggle = () => this.#toggle(name);
      return element(
        "button",
        { type: "button", "aria-pressed": pressed, click: toggle },
        parseSvg(swatch),
        name,
      );
    });
    const focused = [...this.#legend.children].indexOf(document.activeElement as Element);
    this.#legend.replaceChildren(...buttons);
    buttons[focused]?.focus();
  }

  #toggle(name: string): void {
    if (!this.#hidden.delete(name) && this.#hidden.size < this.#chart.series.length - 1)
      this.#hidden.add(name);
    this.#recolour();
  }

  #recolour(): void {
    this.#fillLegend();
    this.#draw();
  }

  #theme(): Theme {
    const { theme } = document.documentElement.dataset;
    const isDark = theme ? theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    return isDark ? THEMES.dark : THEMES.light;
  }

  /** Colours stay with their series when another one is left out. */
  #colours(): string[] {
    return colourSeries(
      this.#theme(),
      this.#chart.series.map(({ name }) => name),
    );
  }

  #draw(): void {
    const width = Math.floor(this.#plot.clientWidth);
    if (width === 0) return;
    const all = this.#colours();
    const shown = this.#chart.series.flatMap((series, index) =>
      this.#hidden.has(series.name) ? [] : [{ series, colour: all[index] ?? "" }],
    );
    const chart = { ...this.#chart, series: shown.map(({ series }) => series) };
    const rows = chart.kind === "heat" ? chart.series.length : chart.isTime ? 0 : chart.categories.length;
    const height = Math.max(width < NARROW ? 240 : 320, rows * 26 + 40);
    const colours = shown.map(({ colour }) => colour);
    this.#drawing = drawChart(chart, { width, height, theme: this.#theme(), isFramed: false, colours });
    this.#plot.replaceChildren(parseSvg(this.#drawing.svg));
    this.#select(this.#at);
  }

  #point(event: PointerEvent): void {
    const { left, top } = this.#plot.getBoundingClientRect();
    const found =
      this.#drawing && pointAt(this.#chart, this.#drawing.points, event.clientX - left, event.clientY - top);
    this.#select(found);
  }

  #step(event: KeyboardEvent): void {
    const [right, down] = MOVES[event.key] ?? [];
    if (right === undefined || down === undefined) return;
    event.preventDefault();
    const { categories, series, kind, isTime } = this.#chart;
    const by = kind === "heat" || isTime ? right : right + down;
    const clamp = (value: number, count: number) => Math.min(count - 1, Math.max(0, value));
    const at = this.#at;
    this.#select(
      at === undefined
        ? { category: 0, series: 0 }
        : {
            category: clamp(at.category + by, categories.length),
            series: clamp(at.series + (kind === "heat" ? down : 0), series.length),
          },
    );
  }

  /** Says the values of one category, and shows where it is. */
  #select(at: { category: number; series: number } | undefined): void {
    this.#at = at;
    this.#plot.querySelector(".pointer")?.remove();
    this.#values.textContent = at
      ? this.#read(at)
      : "Point at the chart, or focus it and use the arrow keys.";
    const point = at && this.#drawing?.points.find((one) => this.#isAt(one, at));
    if (point) this.#plot.append(this.#mark(point));
  }

  #isAt(point: Point, at: { category: number; series: number }): boolean {
    return point.category === at.category && (this.#chart.kind !== "heat" || point.series === at.series);
  }

  #read({ category, series }: { category: number; series: number }): string {
    const { kind, unit, categories, isTime } = this.#chart;
    const name = categories[category] ?? "";
    if (kind === "heat") {
      const row = this.#chart.series[series];
      return `${row?.name ?? ""}, ${name}: ${writeValue(row?.values[category], unit)}`;
    }
    const values = this.#chart.series
      .filter((one) => !this.#hidden.has(one.name) && typeof one.values[category] === "number")
      .map((one) => {
        const pair = one.band?.[category];
        const band = pair ? ` (${writeValue(pair[0], unit)} to ${writeValue(pair[1], unit)})` : "";
        return `${one.name} ${writeValue(one.values[category], unit)}${band}`;
      });
    return `${isTime ? shortenBucket(name) : name}: ${values.join(" · ") || "no value"}`;
  }

  #mark({ x, y, category }: Point): SVGElement {
    const { plot } = this.#drawing as Drawing;
    const { ink } = this.#theme();
    const { kind, isTime, categories } = this.#chart;
    const width = this.#plot.clientWidth;
    const height = this.#plot.clientHeight;
    const lane = (plot.bottom - plot.top) / Math.max(1, categories.length);
    const shape =
      kind === "heat"
        ? `<circle cx="${x}" cy="${y}" r="4" fill="${ink}"/>`
        : isTime
          ? `<line x1="${x}" x2="${x}" y1="${plot.top}" y2="${plot.bottom}" stroke="${ink}"/>`
          : `<rect x="0" width="${width}" y="${plot.top + category * lane}" height="${lane}" fill="${ink}" fill-opacity=".1"/>`;
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" class="pointer" width="${width}" height="${height}">${shape}</svg>`;
    return parseSvg(svg);
  }
}

/** Steps to the right and down. */
const MOVES: Readonly<Record<string, readonly [right: number, down: number]>> = {
  ArrowRight: [1, 0],
  ArrowLeft: [-1, 0],
  ArrowDown: [0, 1],
  ArrowUp: [0, -1],
};
