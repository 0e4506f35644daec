import { ToolError } from "../../../shared/call/tool-error.ts";
import { type Named, resolveName } from "../names.ts";

/** SQLite errors that a caller can act on, with our messages. The captured part is the caller's own text. */
const COMPLAINTS: readonly (readonly [RegExp, (part: string) => string])[] = [
  [/no such table: ([^:]+?)(?: at offset|:|$)/, (name) => `There is no table "${name}".`],
  [/no such column: ([^:]+?)(?: at offset|:|$)/, (name) => `There is no column "${name}".`],
  [/no such function: ([^:]+?)(?: at offset|:|$)/, (name) => `There is no function "${name}".`],
  [
    /ambiguous column name: ([^:]+?)(?: at offset|:|$)/,
    (name) => `The column "${name}" is in several tables.`,
  ],
  [
    /not authorized to use function: ([^:]+?)(?: at offset|:|$)/,
    (name) => `The function "${name}" is not available.`,
  ],
  [
    /wrong number of arguments to function ([^:]+?)(?: at offset|:|$)/,
    (name) => `${name} has other arguments.`,
  ],
  [
    /misuse of (?:aggregate|window function):? ?([^:]+?)(?: at offset|:|$)/,
    (name) => `${name} cannot stand here.`,
  ],
  [/near "([^"]{0,80})": syntax error/, (text) => `The statement cannot be read near "${text}".`],
  [/unrecognized token: "([^"]{1,80})/, (text) => `The statement cannot be read near "${text}".`],
  [/(incomplete input)/, () => "The statement is incomplete."],
  [/(do not have the same number of result columns)/, () => "The parts of the UNION have different columns."],
  [
    /(access to .* is prohibited|not authorized)/,
    () => "The statement reaches for something that is not offered.",
  ],
  [
    /(too many columns|parser stack overflow|Expression tree is too large|too complex)/,
    () => "The statement is too complex.",
  ],
  [/(string or blob too big|too big)/, () => "A value of the statement is too big."],
  [/(malformed JSON)/, () => "A value given to a JSON function is not JSON."],
  [/(integer overflow)/, () => "A sum is beyond 64 bits."],
  [/(timeout|timed out|exceeded.*time|CPU)/i, () => "The statement took too long and was stopped."],
  // All other SQL errors are the statement's fault, not ours.
  [/(SQLITE_(?:ERROR|AUTH|RANGE|TOOBIG|MISMATCH))/, () => "The database cannot run this statement."],
];

/** The part of the schema that hints need: columns by table. */
export type Columns = ReadonlyMap<string, readonly string[]>;

/**
 * Translates a database failure into our message, with the closest names as a hint. Rethrows unknown
 * failures; the caller gets an event id for them.
 */
export function explainFailure(failure: unknown, schema: Columns): ToolError {
  const text = failure instanceof Error ? failure.message : "";
  for (const [pattern, describe] of COMPLAINTS) {
    const part = pattern.exec(text)?.[1];
    if (part === undefined) continue;
    const message = describe(part.slice(0, 80));
    return new ToolError("invalid_input", message, {
      suggestedAction: suggest(text, part, schema),
      cause: failure,
    });
  }
  throw failure;
}

function suggest(text: string, part: string, schema: Columns): string {
  const wanted = part.split(".").at(-1) ?? part;
  if (text.includes("no such table")) {
    return `The tables are: ${[...schema.keys()].join(", ")}.`;
  }
  if (text.includes("no such column")) {
    const columns = [...new Set([...schema.values()].flat())];
    const found = resolveName(wanted, columns.map(toNamed));
    const closest = found.kind === "unknown" ? found.closest : [found.value];
    const homes = closest.map((column) => `${findTable(column, schema)}.${column}`);
    return `Closest columns: ${homes.join(", ")}. Read analytics://schema/{table} for all.`;
  }
  return "Correct the statement (SQLite dialect) and call again.";
}

function toNamed(name: string): Named<string> {
  return { name, others: [], value: name };
}

function findTable(column: string, schema: Columns): string {
  return [...schema].find(([, columns]) => columns.includes(column))?.[0] ?? "";
}
