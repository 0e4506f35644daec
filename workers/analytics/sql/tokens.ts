import { ToolError } from "../../../shared/call/tool-error.ts";

/** A token of a statement; comments and spaces are omitted. */
export interface Token {
  kind: "word" | "quoted" | "string" | "parameter" | "symbol";
  /** As written. */
  text: string;
}

/** Exactly one statement, without anything before or after it. */
export interface Statement {
  /** The statement without comments and without a closing semicolon. */
  text: string;
  tokens: readonly Token[];
}

/** Maximum characters of a statement. */
export const MAX_SQL_LENGTH = 10_000;

/** First words of read-only statements. */
const READING = new Set(["select", "with", "values"]);

/**
 * Extracts the single statement from a text, by SQLite's own lexical rules
 * (https://www.sqlite.org/lang_expr.html and tokenize.c): strings, three ways to quote a name, two kinds of
 * comment. D1 runs every statement of a text, even behind an EXPLAIN, so anything after the first semicolon
 * is refused before the database sees it. Throws `invalid_input`.
 */
export function readStatement(sql: string): Statement {
  if (sql.length > MAX_SQL_LENGTH) refuse(`The statement is over ${MAX_SQL_LENGTH} characters.`);
  if (!sql.isWellFormed()) refuse("The statement has a broken character (a lone surrogate).");
  const tokens: Token[] = [];
  let text = "";
  let depth = 0;
  let ended = false;
  for (const { kind, piece } of splitPieces(sql)) {
    if (kind === "space") {
      // A comment becomes a space, so that it cannot comment out text that is added around the statement
      // later.
      text += " ";
      continue;
    }
    if (ended) refuse("Only one statement is run at a time; nothing may follow the first semicolon.");
    if (kind === "symbol" && piece === ";") {
      ended = true;
      continue;
    }
    if (kind === "symbol" && piece === "(") depth++;
    if (kind === "symbol" && piece === ")") depth--;
    if (depth < 0) refuse('A ")" has no "(" before it.');
    tokens.push({ kind, text: piece });
    text += piece;
  }
  if (depth > 0) refuse('A "(" is never closed.');
  checkStart(tokens);
  return { text: text.trim(), tokens };
}

/**
 * Number of values the statement binds. Throws `invalid_input` for named parameters, which D1 does not have.
 */
export function countParameters(statement: Statement): number {
  let highest = 0;
  for (const { kind, text } of statement.tokens) {
    if (kind !== "parameter") continue;
    if (!/^\?\d{0,3}$/.test(text)) {
      refuse(`The parameter ${text.slice(0, 40)} is not supported.`, "Write ? or ?1, ?2 and so on.");
    }
    highest = text === "?" ? highest + 1 : Math.max(highest, Number(text.slice(1)));
    if (text === "?0" || highest > 100) refuse("Parameters are numbered from ?1 to ?100.");
  }
  return highest;
}

type PieceKind = Token["kind"] | "space";

/** Sticky patterns, tried in order. Together with the refusals below they cover every character. */
const PATTERNS: readonly (readonly [PieceKind, RegExp])[] = [
  ["space", /(?:[ \t\n\f\r\uFEFF]|--[^\n]*|\/\*(?:[^*]|\*(?!\/))*\*\/)+/y],
  ["string", /'(?:[^']|'')*'/y],
  ["quoted", /"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]/y],
  ["parameter", /\?\d*|[:@$#][\w$\u0080-\u{10FFFF}]*/uy],
  // Numbers and names alike: no character inside either ends a statement.
  ["word", /[\w$\u0080-\u{10FFFF}]+/uy],
  ["symbol", /[-+*/%<>=!&|~.,;()]/y],
];

function* splitPieces(sql: string): Generator<{ kind: PieceKind; piece: string }> {
  let position = 0;
  while (position < sql.length) {
    const found = matchPiece(sql, position);
    if (!found) refuse(describeStray(sql, position));
    yield found;
    position += found.piece.length;
  }
}

function matchPiece(sql: string, position: number): { kind: PieceKind; piece: string } | undefined {
  if (sql.startsWith("/*", position) && !sql.includes("*/", position + 2)) return undefined;
  for (const [kind, pattern] of PATTERNS) {
    pattern.lastIndex = position;
    const piece = pattern.exec(sql)?.[0];
    if (piece) return { kind, piece };
  }
  return undefined;
}

function describeStray(sql: string, position: number): string {
  const start = sql[position] ?? "";
  if (start === "/") return "A comment is never closed.";
  if (`'"\`[`.includes(start)) return `A quotation that begins with ${start} is never closed.`;
  const code = sql.codePointAt(position)?.toString(16).toUpperCase().padStart(4, "0");
  return `The character U+${code} at position ${position} has no place in SQL.`;
}

function checkStart(tokens: readonly Token[]): void {
  const [first] = tokens;
  if (!first) refuse("The statement is empty.", "Write one SELECT statement.");
  if (first.kind === "word" && READING.has(first.text.toLowerCase())) return;
  refuse(
    `Only statements that read are run; "${first.text.slice(0, 40)}" does not begin one.`,
    "Begin with SELECT, WITH or VALUES. The tables and their columns are in the resources analytics://schema/{table}.",
  );
}

function refuse(message: string, suggestedAction = "Write one SELECT statement and call again."): never {
  throw new ToolError("invalid_input", message, { suggestedAction });
}
