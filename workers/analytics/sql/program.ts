import { ToolError } from "../../../shared/call/tool-error.ts";
import {
  ALLOWED_OPCODES,
  CALLING_OPCODES,
  REFUSED_FUNCTIONS,
  SCRATCH_OPCODES,
  SCRATCH_OPENERS,
} from "./opcodes.ts";

/** One row of `EXPLAIN`: an instruction of the compiled program. */
export interface Instruction {
  addr: number;
  opcode: string;
  p1: number;
  p2: number;
  p3: number;
  p4: string | number | null;
  p5: number;
}

/** Tables that a program may open. */
export interface Reach {
  /** Root pages of the offered tables and their indexes. */
  roots: ReadonlySet<number>;
  /** `p4` of `VOpen` for the virtual tables that only read their arguments: json_each and json_tree. */
  virtualTables: ReadonlySet<string>;
}

/** `OPFLAG_P2ISREG`: p2 names a register with the root page, so the page is unknown before the run. */
const ROOT_IN_REGISTER = 0x10;

/**
 * Proves that a compiled statement only reads, and reads offered tables only. The proof checks the engine's
 * own program, so the statement's text does not matter:
 * 1. every opcode is on the allow-list, which has none that opens a table for writing, changes the schema,
 *    attaches, vacuums or sets a pragma;
 * 2. every `Transaction` is a read transaction (p2 = 0);
 * 3. every inserted or deleted row is in a scratch table that the program itself opened;
 * 4. every table that is read has the root page of an offered table or index, in the main database.
 * Returns the number of result columns. Throws `forbidden`, or `invalid_input` for other tables.
 */
export function proveReading(program: readonly Instruction[], reach: Reach): number {
  const scratch = findScratchCursors(program);
  for (const instruction of program) {
    if (!ALLOWED_OPCODES.has(instruction.opcode)) refuse(`it would run ${instruction.opcode}`);
    checkTransaction(instruction);
    checkOpening(instruction, reach);
    if (SCRATCH_OPCODES.has(instruction.opcode) && !scratch.has(instruction.p1)) {
      refuse(`${instruction.opcode} would change a stored table`);
    }
    checkFunction(instruction);
  }
  const columns = program.find(({ opcode }) => opcode === "ResultRow")?.p2;
  // A statement without rows (LIMIT 0, WHERE 0) may have been compiled without a ResultRow.
  return columns ?? 0;
}

function findScratchCursors(program: readonly Instruction[]): Set<number> {
  const scratch = new Set<number>();
  const stored = new Set<number>();
  for (const { opcode, p1 } of program) {
    if (SCRATCH_OPENERS.has(opcode)) scratch.add(p1);
    if (opcode === "OpenRead" || opcode === "ReopenIdx" || opcode === "VOpen") stored.add(p1);
  }
  for (const { opcode, p1, p2 } of program) if (opcode === "OpenDup" && scratch.has(p2)) scratch.add(p1);
  // A cursor number that also opens a stored table is not provably scratch.
  for (const cursor of stored) scratch.delete(cursor);
  return scratch;
}

function checkTransaction({ opcode, p1, p2 }: Instruction): void {
  if (opcode !== "Transaction") return;
  if (p2 !== 0) refuse("the engine would begin a write transaction");
  if (p1 !== 0) refuse("it reaches another database");
}

function checkOpening({ opcode, p2, p3, p4, p5 }: Instruction, reach: Reach): void {
  if (opcode === "OpenRead" || opcode === "ReopenIdx") {
    if (p3 !== 0) refuse("it reaches another database");
    if ((p5 & ROOT_IN_REGISTER) !== 0) refuse("the table it opens is not known beforehand");
    if (!reach.roots.has(p2)) refuseTable();
  }
  if (opcode === "VOpen" && !reach.virtualTables.has(String(p4))) refuseTable();
}

function checkFunction({ opcode, p4 }: Instruction): void {
  if (!CALLING_OPCODES.has(opcode)) return;
  const name = String(p4 ?? "")
    .replace(/\(.*$/, "")
    .toLowerCase();
  if (REFUSED_FUNCTIONS.has(name)) refuse(`the function ${name} is not available`);
}

function refuse(reason: string): never {
  throw new ToolError("forbidden", `The statement was not run: ${reason}.`, {
    suggestedAction:
      "Write one SELECT over the tables of analytics://schema/{table}; nothing can be changed here.",
  });
}

function refuseTable(): never {
  throw new ToolError("invalid_input", "The statement reads a table that is not offered.", {
    suggestedAction: "Use the tables listed as analytics://schema/{table}, and json_each or json_tree.",
  });
}
