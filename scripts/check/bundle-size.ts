import { gzipSync } from "node:zlib";
import budgets from "./budgets.json" with { type: "json" };
import { type BundleFile, buildBundle } from "./bundle.ts";
import type { Check } from "./definition.ts";

const KIB = 1024;

/**
 * Files loaded by the first call that needs them, at no cost to the start: the renderer of pictures, and its
 * font.
 */
const LAZY = /\.(wasm|woff2)$/;

/**
 * Checks that the built Worker stays below its budgets: the script's size determines the start-up time of
 * every isolate.
 */
export const bundleSize: Check = {
  name: "bundle",
  ensures: "the built Worker stays within its size budgets, and the whole upload within 8 MiB",
  async run() {
    const files = await buildBundle("production");
    const [script, lazy] = [false, true].map((isLazy) =>
      measure(files.filter(({ name }) => LAZY.test(name) === isLazy)),
    ) as [number, number];
    return {
      summary: `${script} of ${budgets.bundleGzipKiB} KiB gzip, and ${lazy} of ${budgets.lazyGzipKiB} loaded when needed`,
      findings: [
        ...judge("script", script, budgets.bundleGzipKiB),
        ...judge("part that is loaded when needed", lazy, budgets.lazyGzipKiB),
        ...judge("whole upload", script + lazy, budgets.uploadGzipKiB),
      ],
    };
  },
};

function measure(files: readonly BundleFile[]): number {
  return Math.round(files.reduce((sum, { bytes }) => sum + gzipSync(bytes).byteLength, 0) / KIB);
}

function judge(part: string, size: number, budget: number): string[] {
  if (size <= budget) return [];
  return [
    `The built Worker's ${part} is ${size} KiB gzip, the budget is ${budget} KiB (scripts/check/budgets.json). ` +
      "Drop a dependency, or raise the budget with the reason in the commit.",
  ];
}
