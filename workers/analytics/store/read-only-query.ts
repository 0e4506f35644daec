import { ToolError } from "../../../shared/call/tool-error.ts";
import { boundCost, type PlanStep } from "../sql/cost.ts";
import { explainFailure } from "../sql/messages.ts";
import { type Instruction, proveReading } from "../sql/program.ts";
import { readSizes } from "../sql/sizes.ts";
import { boundTexts } from "../sql/texts.ts";
import { countParameters, readStatement } from "../sql/tokens.ts";
import { boundWork } from "../sql/work.ts";
import type { Reader } from "./reader.ts";
import { type Catalogue, prepareCatalogue, readCatalogue } from "./tables.ts";

/** A value of a result: for bytes only a description. */
export type Cell = string | number | null;

/** A bounded result. */
export interface QueryResult {
  columns: string[];
  rows: Cell[][];
  /** True when there are more rows than requested. */
  moreRows: boolean;
  /** True when a long text was cut; it then ends in "…". */
  cutTexts: boolean;
}

/** Values that can be bound. */
export type Binding = string | number | boolean | null;

const MAX_COLUMNS = 60;
/** Maximum characters of all cells together; the limit of one cell follows from it. */
const MAX_CHARACTERS = 1_000_000;
const MAX_CELL = 2_000;
const MIN_CELL = 16;

/**
 * Runs one statement that is proven to be read-only, and limits its result.
 *
 * 1. The text is one statement by SQLite's lexical rules, with balanced parentheses, and begins as a query.
 * 2. The engine compiles it (`EXPLAIN`); the program is proven to read offered tables only, and its plan has a
 *    bounded cost.
 * 3. It becomes a subquery, where the grammar allows only a query, of our statement that cuts rows and long
 *    values inside the database. The whole statement is proven the same way before it runs.
 *
 * Throws `invalid_input`, `forbidden`, or `cancelled` between the steps when the call was aborted.
 */
export async function runReadOnly(
  db: Reader,
  sql: string,
  bindings: readonly Binding[],
  maxRows: number,
  signal: AbortSignal,
): Promise<QueryResult> {
  const statement = readStatement(sql);
  const expected = countParameters(statement);
  if (expected !== bindings.length) {
    throw new ToolError(
      "invalid_input",
      `The statement has ${expected} parameters, but ${bindings.length} were given.`,
    );
  }
  const values = bindings.map((value) => (typeof value === "boolean" ? Number(value) : value));
  const bind = (text: string) => db.prepare(text).bind(...values);

  const { program, plan, catalogue } = await attempt(db, () => compile(db, bind, statement.text));
  const columns = proveReading(program, catalogue);
  const longest = Math.max(0, ...values.map((value) => (typeof value === "string" ? value.length : 0)));
  const sizes = readSizes(statement.tokens, catalogue.rows, longest);
  const visits = boundCost(plan, sizes);
  const visited = { visits, largest: Math.max(sizes.largest, sizes.list) };
  boundWork(program, statement.tokens, visited, boundTexts(statement.tokens, longest));
  if (columns > MAX_COLUMNS) {
    throw new ToolError(
      "invalid_input",
      `The result has ${columns} columns; at most ${MAX_COLUMNS} are given.`,
    );
  }
  if (columns === 0) {
    const names = await attempt(db, () => bind(statement.text).raw({ columnNames: true }));
    return { columns: names[0], rows: [], moreRows: false, cutTexts: false };
  }

  const cellLimit = Math.max(MIN_CELL, Math.min(MAX_CELL, Math.floor(MAX_CHARACTERS / (maxRows * columns))));
  const bounded = wrapStatement(statement.text, columns, cellLimit, maxRows + 1);
  const naming = `SELECT * FROM (${statement.text}) LIMIT 0`;
  signal.throwIfAborted();
  const [proof, namingProof] = await attempt(db, () =>
    db.batch([bind(`EXPLAIN ${bounded}`), bind(`EXPLAIN ${naming}`)]),
  );
  proveReading((proof?.results ?? []) as Instruction[], catalogue);
  proveReading((namingProof?.results ?? []) as Instruction[], catalogue);
  signal.throwIfAborted();
  const [header, rows] = await attempt(db, () =>
    Promise.all([bind(naming).raw({ columnNames: true }), bind(bounded).raw<Cell[]>()]),
  );
  const shown = rows.slice(0, maxRows).map((row) => row.map((cell) => showCell(cell, cellLimit)));
  return {
    columns: header[0],
    rows: shown,
    moreRows: rows.length > maxRows,
    cutTexts: shown.some((row) => row.some((cell) => typeof cell === "string" && cell.endsWith("…"))),
  };
}

function wrapStatement(text: string, columns: number, cellLimit: number, limit: number): string {
  const names = Array.from({ length: columns }, (_, index) => `c${index}`);
  const cells = names.map(
    (name) =>
      `CASE typeof(${name}) WHEN 'text' THEN substr(${name}, 1, ${cellLimit + 1}) ` +
      `WHEN 'blob' THEN '(' || length(${name}) || ' bytes)' ELSE ${name} END`,
  );
  return `WITH gatehouse_result(${names.join(", ")}) AS (${text}) SELECT ${cells.join(", ")} FROM gatehouse_result LIMIT ${limit}`;
}

function showCell(cell: Cell, limit: number): Cell {
  return typeof cell === "string" && cell.length > limit ? `${cell.slice(0, limit)}…` : cell;
}

async function compile(
  db: Reader,
  bind: (text: string) => D1PreparedStatement,
  text: string,
): Promise<{ program: Instruction[]; plan: PlanStep[]; catalogue: Catalogue }> {
  const [program, plan, ...rest] = await db.batch([
    bind(`EXPLAIN ${text}`),
    bind(`EXPLAIN QUERY PLAN ${text}`),
    ...prepareCatalogue(db),
  ]);
  return {
    program: (program?.results ?? []) as Instruction[],
    plan: (plan?.results ?? []) as PlanStep[],
    catalogue: readCatalogue(rest),
  };
}

async function attempt<T>(db: Reader, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (failure) {
    if (failure instanceof ToolError) throw failure;
    const { columns } = readCatalogue(await db.batch(prepareCatalogue(db)));
    throw explainFailure(failure, columns);
  }
}
