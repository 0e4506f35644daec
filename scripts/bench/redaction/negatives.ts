import { readFile } from "node:fs/promises";

/** A line of real documentation without anything to redact. */
export interface Negative {
  text: string;
  /** The detector was tuned on one half, and tested on the other afterwards. */
  half: Half;
  /** Package, version and file. */
  source: string;
  /** SPDX identifier. */
  licence: string;
}

/** Part of the corpus. */
export type Half = "tuning" | "held-out";

/** One JSON object per line. */
export const NEGATIVES_FILE = "test/redact/corpus/negatives.jsonl";

/** The negatives of one half. */
export async function readNegatives(half: Half): Promise<Negative[]> {
  const lines = (await readFile(NEGATIVES_FILE, "utf8")).split("\n").filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line) as Negative).filter((negative) => negative.half === half);
}
