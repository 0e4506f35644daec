import { decode } from "fast-png";
import { beforeAll, describe, expect, it } from "vitest";
import type { Chart, Point } from "../../workers/analytics/charts/chart.ts";
import { drawChart } from "../../workers/analytics/charts/draw-chart.ts";
import { drawPicture } from "../../workers/analytics/charts/draw-picture.ts";
import { readChart } from "../../workers/analytics/charts/read-answer.ts";
import { colourSeries, THEMES } from "../../workers/analytics/charts/themes.ts";
import { type CallAnswer, openSession, type TestSession } from "../support/session.ts";
import { loadShop } from "./shop.ts";

const SCALE = 1.5;
const PERIOD = "2026-01-01..2026-02-28";
let session: TestSession;

beforeAll(async () => {
  await loadShop();
  session = await openSession({ server: "analytics", lane: "stateless", as: "vera", role: "viewer" });
});

/** Each kind of picture, with the call that draws it. */
const PICTURES: readonly (readonly [kind: Chart["kind"], tool: string, args: Record<string, unknown>])[] = [
  ["line", "analytics_query", { metrics: ["revenue"], dimensions: ["region"], grain: "week", chart: "auto" }],
  ["bar", "analytics_query", { metrics: ["orders"], dimensions: ["country"], chart: "auto" }],
  ["bar", "analytics_query", { metrics: ["orders"], grain: "month", chart: "bar" }],
  [
    "stacked",
    "analytics_query",
    { metrics: ["orders"], dimensions: ["channel"], grain: "month", chart: "stacked" },
  ],
  ["bar", "analytics_regional_metrics", { chart: "auto" }],
  ["bar", "analytics_compare", { metric: "revenue", chart: "auto" }],
  ["line", "analytics_detect_anomalies", { metric: "orders", chart: "auto" }],
  ["line", "analytics_forecast", { metric: "orders", chart: "auto" }],
  ["bar", "analytics_funnel", { chart: "auto" }],
  ["heat", "analytics_retention", { period: "2025-09-01..2026-02-28", chart: "auto" }],
];

describe("a picture of an answer", () => {
  it.each(PICTURES)(
    "is a %s chart that %s draws with %j, each value in its place and colour",
    async (kind, tool, args) => {
      const answer = await session.call(tool, { period: PERIOD, ...args });
      expect(answer.error).toBeUndefined();
      const chart = readChart(answer.data) as Chart;
      expect(chart.kind).toBe(kind);
      const { width, height, colourAt } = await readPicture(answer);
      expect(width).toBe(960);
      expect(height).toBeGreaterThanOrEqual(600);
      expect(colourAt(2, 2)).toBe(THEMES.light.ground);
      const drawing = drawChart(chart, {
        width: 640,
        height: height / SCALE,
        theme: THEMES.light,
        isFramed: true,
      });
      const names = chart.series.map(({ name }) => name);
      const colours = colourSeries(THEMES.light, names);
      // A point on the axis shares its pixels with it.
      const free = drawing.points.filter(
        (point) => point.y < drawing.plot.bottom && isFree(point, drawing.points, chart),
      );
      expect(free.length).toBeGreaterThan(1);
      for (const { series, x, y } of free) {
        const seen = colourAt(x * SCALE, y * SCALE);
        // A heat map shows values by colour, which only has to differ from the background's.
        if (kind === "heat") expect(seen).not.toBe(THEMES.light.ground);
        else expect(seen, `${names[series]} at ${x}, ${y}`).toBe(colours[series]);
      }
    },
    // The first one compiles the renderer.
    30_000,
  );

  it("shows title, unit, period and source, and escapes markup in names", () => {
    const answer = {
      period: PERIOD,
      grain: "total",
      columns: ["product", "revenue"],
      rows: [
        ['<script>alert(1)</script> & "more"', 10],
        ["Trail Shoe", 5],
      ],
      units: { revenue: "USD" },
    };
    const { svg } = drawChart(readChart(answer) as Chart, {
      width: 640,
      height: 400,
      theme: THEMES.light,
      isFramed: true,
    });
    expect(svg).toContain("Revenue by product");
    expect(svg).toContain("2026-01-01 to 2026-02-28 · US dollars");
    expect(svg).toContain("Source: Gatehouse analytics");
    expect(svg).toContain("&lt;script&gt;");
    expect(svg).not.toContain("<script");
  });

  it.each(["Łęż", "Київ", "Ἀθῆναι", "Cần Thơ", "Nguyễn", "10 ₫ → €"])(
    "shows every letter of %s, and says nothing more",
    async (name) => {
      const picture = (product: string) => drawPicture(answerAbout(product), { chart: "auto" });
      const shown = await picture(name);
      expect(shown.map(({ type }) => type)).toEqual(["image"]);
      // The font draws every missing letter as the same box as this one.
      for (const letter of new Set(name.replaceAll(/[ -~]/g, ""))) {
        const [boxed] = await picture(name.replaceAll(letter, "東"));
        expect(boxed, letter).not.toEqual(shown[0]);
      }
    },
    30_000,
  );

  it.each(["東京", "Party 🎉"])("says where the names are when it cannot show all of %s", async (name) => {
    expect(await drawPicture(answerAbout(name), { chart: "auto" })).toEqual([
      expect.objectContaining({ type: "image" }),
      { type: "text", text: expect.stringContaining("boxes in the picture") },
    ]);
  });

  it("comes only on request and when there is data to draw", async () => {
    const plain = await session.call("analytics_query", {
      metrics: ["revenue"],
      grain: "week",
      period: PERIOD,
    });
    expect(plain.content.map(({ type }) => type)).toEqual(["text"]);
    const single = await session.call("analytics_query", {
      metrics: ["revenue"],
      period: PERIOD,
      chart: "auto",
    });
    expect(single.content.map(({ type }) => type)).toEqual(["text"]);
  });

  it("does not stack values that do not add up, and adds a note", async () => {
    const { data } = await session.call("analytics_query", {
      metrics: ["visitors"],
      dimensions: ["region"],
      grain: "month",
      period: PERIOD,
      chart: "stacked",
    });
    expect(data.chart).toBeUndefined();
    expect(data.notes).toContain("Parts of visitors do not add up, so they are not stacked.");
  });
});

/** The answer of a query by product. */
function answerAbout(product: string) {
  return {
    period: PERIOD,
    grain: "total",
    columns: ["product", "revenue"],
    rows: [
      [product, 10],
      ["Trail Shoe", 5],
    ],
    units: { revenue: "USD" },
  };
}

/** Whether no other point can cover it; a dashed line without dots has gaps. */
function isFree(point: Point, points: readonly Point[], { series, kind }: Chart): boolean {
  if (kind !== "line") return true;
  if (series[point.series]?.isExpected) return false;
  return points.every((other) => other === point || Math.hypot(other.x - point.x, other.y - point.y) > 8);
}

async function readPicture({ content }: CallAnswer) {
  const image = content.find(({ type }) => type === "image");
  if (image?.type !== "image") throw new Error("There is no picture.");
  expect(image.mimeType).toBe("image/png");
  const { width, height, data, channels } = decode(
    Uint8Array.from(atob(image.data), (one) => one.charCodeAt(0)),
  );
  const colourAt = (x: number, y: number) => {
    const at = (Math.floor(y) * width + Math.floor(x)) * channels;
    return `#${[0, 1, 2]
      .map((part) =>
        Number(data[at + part])
          .toString(16)
          .padStart(2, "0"),
      )
      .join("")}`;
  };
  return { width, height, colourAt };
}
