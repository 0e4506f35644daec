import { readFile } from "node:fs/promises";
import path from "node:path";
import { ROOT } from "../local/root.ts";
import { REFERENCE_FILE, writeReference } from "../reference/write-reference.ts";
import type { Check } from "./definition.ts";

/** Checks that the reference page matches the definitions and the policy. */
export const reference: Check = {
  name: "reference",
  ensures: "the page of everything that can be called is what the definitions and the policy say",
  async run() {
    const wanted = await writeReference();
    const written = await readFile(path.join(ROOT, REFERENCE_FILE), "utf8").catch(() => "");
    const isStale = written !== wanted;
    return {
      summary: `${wanted.split("\n").filter((line) => line.startsWith("| `")).length} rows`,
      findings: isStale ? [`${REFERENCE_FILE}:1 is out of step. Run: npm run reference`] : [],
    };
  },
};
