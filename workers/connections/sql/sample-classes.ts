import type { Classification } from "../../../shared/call/mask-rules.ts";
import type { ConnectionReport } from "../../../shared/objects/connection-gate.ts";
import { findSensitive } from "../../../shared/redact/find-sensitive.ts";
import type { CatalogueTable } from "./operation.ts";

/** Tables of a sample, columns and rows of one, and characters of a value. */
const MOST_TABLES = 30;
const MOST_COLUMNS = 40;
const ROWS = 20;
const CHARACTERS = 200;

/** Milliseconds of one statement of a sample, and of all of them. */
export const STATEMENT_MS = 500;
const ALL_MS = 2_000;

/** Part of the values that has to look personal: one number of many may look like that of a phone. */
const SHARE = 1 / 4;

/** A sample of texts by the fields that hold them: as many and as long as {@link classOfValues} needs. */
export class TextSample {
  readonly #texts = new Map<string, string[]>();

  add(field: string, text: string): void {
    const texts = this.#texts.get(field) ?? [];
    if (texts.length < ROWS) this.#texts.set(field, [...texts, text.slice(0, CHARACTERS)]);
  }

  classOf(field: string): Classification | null {
    return classOfValues(this.#texts.get(field) ?? []);
  }
}

/** The class that some values of a column or field suggest, or `null`. A proposal: a person decides. */
function classOfValues(values: readonly unknown[]): Classification | null {
  const texts = values.filter((value): value is string => typeof value === "string" && value !== "");
  const found = texts.map((text) => findSensitive(text.slice(0, CHARACTERS), ["pii", "secret"]));
  if (found.flat().some(({ classification }) => classification === "secret")) return "secret";
  const personal = found.filter((findings) => findings.length > 0).length;
  return personal > 0 && personal >= texts.length * SHARE ? "pii" : null;
}

/** How a kind of database writes names, and the beginning of a text as a column of a result. */
export interface SampleDialect {
  quote(name: string): string;
  beginning(column: string, characters: number, at: number): string;
  /** The end of a statement that gives some rows; default: LIMIT. */
  first?(rows: number): string;
}

/**
 * Proposes classes for columns of text that have none, and whose names say nothing, by some of their values. Views are left
 * out: their rows may take long. What fails, or takes too long, ends the sample.
 *
 * @param read - runs one statement, with the time limit {@link STATEMENT_MS}, and gives its rows as lists
 */
export async function proposeFromSample(
  tables: readonly CatalogueTable[],
  named: { columns: Readonly<Record<string, string>>; proposals: ConnectionReport["proposals"] },
  { quote, beginning, first = (rows) => `LIMIT ${rows}` }: SampleDialect,
  read: (sql: string) => Promise<unknown[][]>,
): Promise<Record<string, string>> {
  const proposals: Record<string, string> = {};
  const until = Date.now() + ALL_MS;
  for (const { schema, name, columns } of tables
    .filter(({ kind }) => kind === "table")
    .slice(0, MOST_TABLES)) {
    const pathOf = (column: string) => `${schema}.${name}.${column}`;
    const open = columns
      .filter(({ type }) => /char|text|json|string/i.test(type))
      .map((column) => column.name)
      .filter((column) => !(pathOf(column) in named.columns || pathOf(column) in named.proposals))
      .slice(0, MOST_COLUMNS);
    if (open.length === 0) continue;
    if (Date.now() >= until) break;
    const parts = open.map((column, at) => beginning(quote(column), CHARACTERS, at)).join(", ");
    const rows = await read(`SELECT ${parts} FROM ${quote(schema)}.${quote(name)} ${first(ROWS)}`).catch(
      () => null,
    );
    if (rows === null) break;
    for (const [at, column] of open.entries()) {
      const proposed = classOfValues(rows.map((row) => row[at]));
      if (proposed !== null) proposals[pathOf(column)] = proposed;
    }
  }
  return proposals;
}
