import { readFile } from "node:fs/promises";
import path from "node:path";
import { ROOT } from "../local/root.ts";
import { buildViews } from "../views/build-views.ts";
import type { Check } from "./definition.ts";

/** Checks that the deployed views match their sources. */
export const views: Check = {
  name: "views",
  ensures: "every interactive view is built from its source",
  async run() {
    const built = await buildViews();
    const stale = await Promise.all(
      built.map(async ({ file, content }) => {
        const written = await readFile(path.join(ROOT, file), "utf8").catch(() => "");
        return written === content ? [] : [`${file}:1 is out of step. Run: npm run views`];
      }),
    );
    const size = built.reduce((sum, { bytes }) => sum + bytes, 0);
    return { summary: `${built.length} views, ${Math.ceil(size / 1024)} KiB`, findings: stale.flat() };
  },
};
