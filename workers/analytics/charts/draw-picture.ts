import type { ContentBlock } from "../../../shared/call/content.ts";
import { drawChart } from "./draw-chart.ts";
import { readChart } from "./read-answer.ts";
import { THEMES } from "./themes.ts";

/** Size of a picture in pixels of the drawing, and how many real ones each of them has. */
const PICTURE = { width: 640, height: 400, scale: 1.5 } as const;

/** The height that a row of a heat map or of lying bars needs. */
const ROW = 22;
const MOST_HEIGHT = 800;

/**
 * The answer of an analytics tool as a picture (PNG, MCP image content), when it was asked for one and there is
 * something to draw. About 770 tokens for a model that reads pictures, so nobody gets one unasked.
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

/** What a model passes on when a picture shows names without their letters. */
const BOXES =
  "Emoji and other scripts than Latin, Greek and Cyrillic are boxes in the picture; the table has the names in full.";

/** Whether the font of {@link loadRenderer} holds every letter of a text. */
function canShow(text: string): boolean {
  const letters =
    /^[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{Script=Common}\p{Script=Inherited}]*$/u;
  return letters.test(text) && !/\p{Emoji_Presentation}/u.test(text);
}

interface Renderer {
  render(svg: string): Uint8Array;
}

let ready: Promise<Renderer> | undefined;

/** Renders SVG as PNG. The renderer and the font are loaded by the first picture of an isolate, never at its start. */
async function rasterise(svg: string): Promise<Uint8Array> {
  ready ??= loadRenderer();
  try {
    return (await ready).render(svg);
  } catch (failure) {
    // The next picture tries anew.
    ready = undefined;
    throw failure;
  }
}

async function loadRenderer(): Promise<Renderer> {
  const [{ Resvg, initWasm }, { default: wasm }, { default: font }] = await Promise.all([
    import("@resvg/resvg-wasm"),
    import("@resvg/resvg-wasm/index_bg.wasm"),
    // One font with all its letters: between several the renderer loses some that two of them would draw differently.
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

function toBase64(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 0x8000)
    text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(text);
}
