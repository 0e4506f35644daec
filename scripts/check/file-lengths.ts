import { readFile } from "node:fs/promises";
import path from "node:path";
import { ROOT } from "../local/root.ts";
import type { Check } from "./definition.ts";
import { listSourceFiles } from "./source-files.ts";

/** Lines of a source file, tests too. A longer one has more than one subject. */
const MOST_LINES = 350;

/** No source file is so long that a reader cannot keep it in view. */
export const fileLengths: Check = {
  name: "lengths",
  ensures: `no source file has more than ${MOST_LINES} lines`,
  async run() {
    const files = await listSourceFiles([".", "workers", "shared", "scripts", "test"]);
    const texts = await Promise.all(files.map((file) => readFile(path.join(ROOT, file), "utf8")));
    return {
      summary: `${files.length} files`,
      findings: files.flatMap((file, index) => findLength(file, texts[index] ?? "")),
    };
  },
};

/** The finding of a file with too many lines. */
export function findLength(file: string, text: string): string[] {
  const lines = text.replace(/\n$/, "").split("\n").length;
  return lines > MOST_LINES
    ? [`${file}:${MOST_LINES + 1} has ${lines} lines, at most ${MOST_LINES}: split it by what it is about.`]
    : [];
}
