import { writeFile } from "node:fs/promises";
import path from "node:path";
import dictionary from "dictionary-en";
import { stemmer } from "stemmer";
import { listPlaces } from "../workers/knowledge/search/known-word.ts";
import { runAlone } from "./local/command-line.ts";

/** Bits per stem and number of hashes: about one in a hundred other stems is a false positive. */
const BITS_PER_STEM = 10;
const HASHES = 7;
const FILE = path.join(import.meta.dirname, "../workers/knowledge/search/english-stems.json");

await runAlone("dictionary", "npm run dictionary    writes the filter of English stems", writeStems);

/**
 * Writes the filter of English stems for spelling correction, from the package dictionary-en (SCOWL's list,
 * licences MIT and BSD). Words are stemmed, so that the dictionary's affix rules are not needed.
 */
async function writeStems(): Promise<void> {
  const text: string = Buffer.from(dictionary.dic).toString("utf8");
  const words = text
    .split("\n")
    .map((line) => line.replace(/[/\s].*$/, "").toLowerCase())
    .filter((word) => /^[a-z]{4,64}$/.test(word));
  const stems = new Set(words.map(stemmer));
  const size = Math.ceil((stems.size * BITS_PER_STEM) / 8) * 8;
  const bits = new Uint8Array(size / 8);
  for (const stem of stems) {
    for (const place of listPlaces(stem, size, HASHES))
      bits[place >> 3] = (bits[place >> 3] ?? 0) | (1 << (place & 7));
  }
  const file = {
    source: "dictionary-en, see scripts/dictionary.ts",
    hashes: HASHES,
    bits: Buffer.from(bits).toString("base64"),
  };
  await writeFile(FILE, `${JSON.stringify(file)}\n`);
  console.log(`${stems.size} stems in ${bits.length} bytes`);
}
