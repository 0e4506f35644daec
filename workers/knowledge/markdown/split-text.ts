import type { MarkdownLine } from "./scan-lines.ts";

/** Target length of a passage in characters: about 400 tokens, a screenful. */
const PASSAGE_TARGET = 1_800;
/** Maximum length of a single block (a code listing, a table) before it is split. */
const BLOCK_LIMIT = 3 * PASSAGE_TARGET;

/**
 * Splits lines into pieces of about {@link PASSAGE_TARGET} characters, between paragraphs and never inside
 * code, unless one block alone is over three times that. The concatenated pieces equal the input.
 */
export function splitText(lines: readonly MarkdownLine[]): string[] {
  const pieces: string[] = [];
  for (const block of splitBlocks(lines).flatMap(splitLongBlock)) {
    const last = pieces.at(-1);
    if (last !== undefined && last.length + block.length <= PASSAGE_TARGET) pieces.push(pieces.pop() + block);
    else pieces.push(block);
  }
  return joinShortTail(pieces);
}

/**
 * A block ends after the blank lines that follow it; code and comments belong to the block that contains
 * them.
 */
function splitBlocks(lines: readonly MarkdownLine[]): string[] {
  const blocks: string[] = [];
  let block = "";
  let ended = false;
  for (const line of lines) {
    const blank = !line.literal && line.text.trim() === "";
    if (ended && !blank) {
      blocks.push(block);
      block = "";
    }
    block += line.text;
    ended = blank && block.trim() !== "";
  }
  if (block !== "") blocks.push(block);
  return blocks;
}

function splitLongBlock(block: string): string[] {
  if (block.length <= BLOCK_LIMIT) return [block];
  const parts: string[] = [];
  let start = 0;
  while (block.length - start > PASSAGE_TARGET) {
    const end = findCut(block, start);
    parts.push(block.slice(start, end));
    start = end;
  }
  parts.push(block.slice(start));
  return parts;
}

/** The best place to cut: after a line, else after a space, else between two characters. */
function findCut(text: string, start: number): number {
  const limit = start + PASSAGE_TARGET;
  const earliest = start + PASSAGE_TARGET / 2;
  for (const border of ["\n", " "]) {
    const at = text.lastIndexOf(border, limit - 1);
    if (at >= earliest) return at + 1;
  }
  const splitsPair = /[\uD800-\uDBFF]/.test(text.charAt(limit - 1));
  return splitsPair ? limit - 1 : limit;
}

/** Joins a last piece of a line or two to the piece before: it would rank too high for its length. */
function joinShortTail(pieces: string[]): string[] {
  const tail = pieces.at(-1);
  const before = pieces.at(-2);
  if (tail === undefined || before === undefined || tail.length >= PASSAGE_TARGET / 4) return pieces;
  return [...pieces.slice(0, -2), before + tail];
}
