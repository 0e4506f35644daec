import { gzipSync } from "node:zlib";
import budgets from "./budgets.json" with { type: "json" };
import { type BundleFile, type BundleParts, buildWithParts } from "./bundle.ts";
import type { Check } from "./definition.ts";

const KIB = 1024;

/** Files loaded by the first call that needs them: the renderer of pictures and its font, a parser. */
const LAZY = /\.(wasm|woff2)$/;

/**
 * Checks that the built Worker stays below its budgets. What a start runs determines the start-up time of every
 * isolate; what the first call that needs it runs (drivers, connectors, parsers) is in the same file and counts apart.
 */
export const bundleSize: Check = {
  name: "bundle",
  ensures: "the built Worker stays within its size budgets, and the whole upload within 8 MiB",
  async run() {
    const { files, parts } = await buildWithParts("production");
    const [whole, apart] = [false, true].map((isLazy) =>
      measure(files.filter(({ name }) => LAZY.test(name) === isLazy)),
    ) as [number, number];
    const late = Math.round(whole * shareOfLate(parts));
    const [script, lazy] = [whole - late, apart + late];
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

/** The share of the script that no start runs: what is reached through `import()` alone, by its bytes. */
function shareOfLate({ inputs, outputs }: BundleParts): number {
  const [output] = Object.values(outputs).filter(({ entryPoint }) => entryPoint !== undefined);
  if (output?.entryPoint === undefined) throw new Error("The build names no entry point.");
  const atStart = new Set([output.entryPoint]);
  for (const name of atStart) {
    for (const { path, kind } of inputs[name]?.imports ?? [])
      if (kind !== "dynamic-import") atStart.add(path);
  }
  const sizes = Object.entries(output.inputs).map(
    ([name, { bytesInOutput }]) => [name, bytesInOutput] as const,
  );
  const sum = (some: typeof sizes) => some.reduce((total, [, bytes]) => total + bytes, 0);
  return sum(sizes.filter(([name]) => !atStart.has(name))) / sum(sizes);
}

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
