import type { ContentBlock } from "../../../shared/call/content.ts";
import { toBase64 } from "../../../shared/encoding/base64.ts";
import { drawChart } from "./draw-chart.ts";
import { readChart } from "./read-answer.ts";
import { THEMES } from "./themes.ts";

/** Size of a picture in SVG pixels, and device pixels per SVG pixel. */
const PICTURE = { width: 640, height: 400, scale: 1.5 } as const;

/** Height of a row of a heat map or of horizontal bars. */
const ROW = 22;
const MOST_HEIGHT = 800;

/**
 * Draws the answer of an analytics tool as a PNG (MCP image content) if the caller requested one and the
 * answer has data to draw. A picture costs a model about 770 tokens, so it is never added unasked.
 */
export async function drawPicture(
  answer: Readonly<Record<string, unknown>>,
  { chart: wanted }: { chart?: string },
): Promise<ContentBlock[]> {
  const chart = wanted === undefined || wanted === "none" ? undefined : readChart(answer);
  if (!chart) return [];
  const rows = chart.kind === "heat" ? chart.series.length : chart.isTime ? 0 : chart.categories.length;
  const height = Math.min(MOST_HEIGHT, Math.max(PICTURE.height, 130 + rows * ROW));
  const { svg } = drawChart(chart, { width: PICTURE.width, height, theme: THEMES.light, isFramed: true });
  const png = await rasterise(svg);
  const image = { type: "image", data: toBase64(png), mimeType: "image/png" } as const;
  const names = [...chart.categories, ...chart.series.map(({ name }) => name)];
  return names.every(canShow) ? [image] : [image, { type: "text", text: BOXES }];
}

/** Note for the model when the font lacks letters of a name. */
const BOXES =
  "Emoji and other scripts than Latin, Greek and Cyrillic are boxes in the picture; the table has the names in full.";

/** Whether the font of {@link loadRenderer} has every letter of a text. */
function canShow(text: string): boolean {
  const letters =
    /^[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{Script=Common}\p{Script=Inherited}]*$/u;
  return letters.test(text) && !/\p{Emoji_Presentation}/u.test(text);
}

interface Renderer {
  render(svg: string): Uint8Array;
}

let ready: Promise<Renderer> | undefined;

/**
 * Renders SVG as PNG. The first picture of an isolate loads the renderer and the font; the isolate's start
 * does not.
 */
async function rasterise(svg: string): Promise<Uint8Array> {
  ready ??= loadRenderer();
  try {
    return (await ready).render(svg);
  } catch (failure) {
    // The next picture tries again.
    ready = undefined;
    throw failure;
  }
}

async function loadRenderer(): Promise<Renderer> {
  const [{ Resvg, initWasm }, { default: wasm }, { default: font }] = await Promise.all([
    import("@resvg/resvg-wasm"),
    import("@resvg/resvg-wasm/index_bg.wasm"),
    // One font file with all letters: with several files the renderer loses letters that two of them define.
    import("inter-ui/web/Inter-Medium.woff2"),
  ]);
  await initWasm(wasm);
  const options = {
    fitTo: { mode: "zoom" as const, value: PICTURE.scale },
    font: {
      fontBuffers: [new Uint8Array(font)],
      defaultFontFamily: "Inter",
      sansSerifFamily: "Inter",
    },
  };
  return {
    render(svg) {
      const renderer = new Resvg(svg, options);
      const image = renderer.render();
      const png = image.asPng();
      image.free();
      renderer.free();
      return png;
    },
  };
}
