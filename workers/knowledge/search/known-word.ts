import { fromBase64 } from "../../../shared/encoding/base64.ts";
import stems from "./english-stems.json" with { type: "json" };

let bits: Uint8Array | undefined;

/**
 * Whether a stem belongs to an English word, by a Bloom filter over the stems of a spelling dictionary: no
 * false negatives, and about one false positive in a hundred other stems.
 */
export function isEnglishStem(stem: string): boolean {
  bits ??= fromBase64(stems.bits);
  const held = bits;
  return listPlaces(stem, held.length * 8, stems.hashes).every(
    (place) => ((held[place >> 3] ?? 0) & (1 << (place & 7))) !== 0,
  );
}

/**
 * The bits of a stem in a Bloom filter of `size` bits: double hashing (Kirsch and Mitzenmacher 2006) over
 * FNV-1a.
 */
export function listPlaces(stem: string, size: number, hashes: number): number[] {
  const first = hashText(stem, 0x811c9dc5);
  const second = hashText(stem, 0x9e3779b9) | 1;
  return Array.from({ length: hashes }, (_, index) => ((first + Math.imul(index, second)) >>> 0) % size);
}

function hashText(text: string, seed: number): number {
  let hash = seed;
  for (const character of text) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  return hash >>> 0;
}
