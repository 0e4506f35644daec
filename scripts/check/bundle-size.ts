import { gzipSync } from "node:zlib";
import budgets from "./budgets.json" with { type: "json" };
import { buildBundle } from "./bundle.ts";
import type { Check } from "./definition.ts";

const KIB = 1024;

/** The built Worker stays below its budget: size is start-up time on every new isolate. */
export const bundleSize: Check = {
  name: "bundle",
  ensures: "the built Worker stays within its size budget",
  async run() {
    const files = await buildBundle("production");
    const size = Math.round(files.reduce((sum, { bytes }) => sum + gzipSync(bytes).byteLength, 0) / KIB);
    const budget = budgets.bundleGzipKiB;
    return {
      summary: `${size} of ${budget} KiB gzip`,
      findings:
        size <= budget
          ? []
          : [
              `The built Worker is ${size} KiB gzip, the budget is ${budget} KiB (scripts/check/budgets.json). ` +
                "Drop a dependency, or raise the budget with the reason in the commit.",
            ],
    };
  },
};
