import { ToolError } from "../../../shared/call/tool-error.ts";
import { isOffered, SEARCHING_FUNCTIONS, SHORT_FUNCTIONS } from "./functions.ts";
import { CALLING_OPCODES } from "./opcodes.ts";
import type { Instruction } from "./program.ts";
import { LONGEST_TEXT, type TextSizes } from "./texts.ts";
import type { Token } from "./tokens.ts";

/**
 * Maximum estimated nanoseconds of a statement. The estimate places every instruction in the innermost loop
 * and gives every text the maximum length, so a statement near the bound takes a fraction of it.
 */
const MOST_NS = 10e9;

/**
 * Nanoseconds of one instruction, of one call, and of one character that is copied, compared, searched or
 * parsed.
 */
const INSTRUCTION_NS = 5;
const CALL_NS = 250;
const COPY_NS = 0.1;
const SCAN_NS = 3;
const SEARCH_NS = 1;

/** Comparisons to find a row's position among others: the binary logarithm of a million. */
const COMPARISONS = 20;

/** Characters that the cost of an instruction includes. */
const SHORT_TEXT = 200;

/** Maximum characters of all rows that are sorted, grouped or deduplicated: they are held in memory. */
const MOST_HELD = 500_000_000;

const TEXT_OPCODES = new Set(
  "Concat Eq Ne Lt Le Gt Ge Compare MakeRecord Cast Copy Column VColumn String8 Affinity Insert RowData".split(
    " ",
  ),
);
const ORDERING_OPCODES = new Set(
  "SorterInsert IdxInsert Found NotFound NoConflict Filter FilterAdd".split(" "),
);

/** Maximum characters of a pattern of LIKE and GLOB (D1, «Limits»: 50 bytes). */
const LONGEST_PATTERN = 50;

/** Estimated rows that a statement visits. */
export interface Visited {
  /** Row visits, as `boundCost` estimates them: joined tables multiply. */
  visits: number;
  /** Rows of the largest table. */
  largest: number;
}

/**
 * Bounds the work of a compiled statement for any expressions: estimated row visits times the maximum cost of
 * one visit, in which every text has the maximum length. Throws `invalid_input` over the bound, and
 * `forbidden` for a function that is not offered.
 */
export function boundWork(
  program: readonly Instruction[],
  tokens: readonly Token[],
  { visits, largest }: Visited,
  texts: TextSizes,
): number {
  const rows = countRows(tokens, visits);
  const lengths = { ...texts, longest: texts.collects ? collect(texts, rows) : texts.longest };
  const depthOf = measureDepth(program);
  const loops = program.filter(({ opcode }) => opcode === "Rewind" || /^Seek|^V?Filter$/.test(opcode)).length;
  // An outermost loop visits the rows of one table, or of its intermediate result.
  const outside = Math.min(rows, largest * Math.max(1, loops));
  const timesAt = [1, Math.max(1, outside), Math.max(1, rows)] as const;
  let work = 0;
  let held = 0;
  for (const instruction of program) {
    const times = timesAt[depthOf(instruction.addr)];
    work += times * costOf(instruction, lengths);
    const isHeld = instruction.opcode === "SorterInsert" || instruction.opcode === "IdxInsert";
    // One after the other: what a report sorts is what it grouped before.
    if (isHeld && lengths.longest > SHORT_TEXT) held = Math.max(held, times * lengths.longest);
  }
  if (work > MOST_NS || held > MOST_HELD) refuse(work, lengths.longest);
  return work;
}

/** A window with a limited frame is recomputed for each row, over all rows. */
function countRows(tokens: readonly Token[], visits: number): number {
  const excludes = tokens.some(({ kind, text }) => kind === "word" && text.toLowerCase() === "exclude");
  return excludes ? visits * visits : visits;
}

function collect({ longest }: TextSizes, rows: number): number {
  return Math.min(LONGEST_TEXT, longest * Math.max(1, rows));
}

/**
 * Loop depth of an instruction: 0 for code that runs once (the constants behind the jump of the first
 * instruction, and blocks under `Once` without a loop), 1 for at most one loop, 2 for nested loops.
 */
function measureDepth(program: readonly Instruction[]): (addr: number) => 0 | 1 | 2 {
  const constants = program.find(({ opcode }) => opcode === "Init")?.p2 ?? Number.POSITIVE_INFINITY;
  const loops = program.filter((instruction) => instruction.addr < constants && isLoop(instruction));
  const once = program
    .filter(({ opcode, addr, p2 }) => opcode === "Once" && p2 > addr)
    .filter(
      ({ addr, p2 }) =>
        !program.some((inner) => inner.addr > addr && inner.addr < p2 && (isLoop(inner) || isCall(inner))),
    );
  const depthAt = (addr: number) => loops.filter((loop) => loop.p2 <= addr && addr <= loop.addr).length;
  // The code of a subroutine is outside of the loop that calls it.
  const callsDeep = program.some((instruction) => isCall(instruction) && depthAt(instruction.addr) > 1);
  return (addr) => {
    if (addr >= constants || once.some((block) => addr > block.addr && addr < block.p2)) return 0;
    return callsDeep || depthAt(addr) > 1 ? 2 : 1;
  };
}

/** A backward jump. */
function isLoop({ opcode, addr, p2 }: Instruction): boolean {
  return p2 > 0 && p2 <= addr && /Next|Prev|Goto|Jump|^If|^Rowset/i.test(opcode);
}

function isCall({ opcode }: Instruction): boolean {
  return opcode === "Gosub" || opcode === "Yield";
}

function costOf({ opcode, p4 }: Instruction, { longest, given }: TextSizes): number {
  const long = Math.max(0, longest - SHORT_TEXT);
  if (CALLING_OPCODES.has(opcode)) {
    const name = String(p4 ?? "")
      .replace(/\(-?\d*\)$/, "")
      .toLowerCase();
    if (!isOffered(name)) {
      throw new ToolError(
        "forbidden",
        `The statement was not run: the function ${name.slice(0, 40)} is not available.`,
      );
    }
    if (SHORT_FUNCTIONS.has(name)) return CALL_NS / 2 + long * COPY_NS;
    if (!SEARCHING_FUNCTIONS.has(name)) return CALL_NS + long * SCAN_NS;
    const wanted = name === "like" || name === "glob" ? LONGEST_PATTERN : Math.max(given, longest);
    // The cost of a call includes stored texts and short patterns.
    return CALL_NS + (longest > SHORT_TEXT ? longest * wanted * SEARCH_NS : 0);
  }
  if (ORDERING_OPCODES.has(opcode)) return COMPARISONS * (INSTRUCTION_NS + long * COPY_NS);
  return INSTRUCTION_NS + (TEXT_OPCODES.has(opcode) ? long * COPY_NS : 0);
}

function refuse(work: number, longest: number): never {
  const seconds = Math.ceil(work / 1e9).toLocaleString("en");
  const texts =
    longest > SHORT_TEXT ? `, with texts of up to ${longest.toLocaleString("en")} characters` : "";
  throw new ToolError(
    "invalid_input",
    `The statement may take ${seconds} seconds or more${texts}; it was not run.`,
    {
      suggestedAction:
        "Narrow the rows with WHERE, aggregate before joining or comparing, join fewer texts, or leave out EXCLUDE in a window.",
    },
  );
}
