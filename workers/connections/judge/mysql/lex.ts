import type { Token } from "../cursor.ts";
import { quote, reject } from "../refuse.ts";

const SPACE = /[ \t\n\r\f\v]/y;
const WORD = /[A-Za-z0-9_$\p{L}\p{N}]+/uy;
const NUMBER = /(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?/y;
const SYMBOL = /<=>|->>|->|<>|!=|<=|>=|<<|>>|\|\||&&|[-+*/%=<>&|^~!(),.;]/y;
const AFTER_NUMBER = /[A-Za-z0-9_$.\p{L}\p{N}]/uy;

/**
 * Splits a statement of MySQL or MariaDB into tokens, and refuses everything that two servers, or one server with
 * two settings (`sql_mode`), read differently: text in double quotes, a backslash before a quote, comments that
 * run, variables, and braces.
 */
export function lex(sql: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const take = (pattern: RegExp): string | null => {
    pattern.lastIndex = at;
    return pattern.exec(sql)?.[0] ?? null;
  };
  while (at < sql.length) {
    const start = at;
    const skipped = skipGap(sql, at, take(SPACE));
    if (skipped > at) {
      at = skipped;
      continue;
    }
    const token = readToken(sql, at, take, tokens.at(-1));
    at = token.end;
    tokens.push({ kind: token.kind, text: token.text, at: start });
  }
  tokens.push({ kind: "end", text: "", at });
  return tokens;
}

/** Where a space or comment ends that starts at `at`; `at` itself if there is none. */
function skipGap(sql: string, at: number, space: string | null): number {
  if (space !== null) return at + 1;
  if (sql[at] === "#")
    throw reject("Comments with # are not allowed. Write -- or /* … */, or leave them out.");
  if (sql.startsWith("--", at)) {
    if (at + 2 < sql.length && !/[ \t\n\r]/.test(sql[at + 2] ?? ""))
      throw reject("`--` without a space after it is not allowed: servers read it in two ways.");
    const end = sql.indexOf("\n", at);
    return end === -1 ? sql.length : end + 1;
  }
  if (!sql.startsWith("/*", at)) return at;
  const end = sql.indexOf("*/", at + 2);
  const body = sql.slice(at + 2, end);
  if (end === -1 || /^(!|M!|\+)/i.test(body) || body.includes("/*"))
    throw reject("Comments that run as SQL, hints in comments, and comments in comments are not allowed.");
  return end + 2;
}

interface Read {
  kind: Token["kind"];
  text: string;
  end: number;
}

function readToken(
  sql: string,
  at: number,
  take: (pattern: RegExp) => string | null,
  last: Token | undefined,
): Read {
  const first = sql[at] ?? "";
  if (first === "'") return readQuoted(sql, at, "'", "text");
  if (first === "`") return readQuoted(sql, at, "`", "name");
  if (first === '"') throw reject("Double quotes are not allowed: write 'text' and `name`.");
  if (first === "?") return { kind: "parameter", text: "?", end: at + 1 };
  const isAfterPoint = last?.kind === "symbol" && last.text === "." && last.at === at - 1;
  const number = isAfterPoint ? null : readNumber(at, take);
  if (number) return number;
  const word = take(WORD);
  if (word !== null) return readWord(sql, at, word);
  const symbol = take(SYMBOL);
  if (symbol === null)
    throw reject(`The character ${quote(first)} is not allowed here (character ${at + 1}).`);
  return { kind: "symbol", text: symbol, end: at + symbol.length };
}

function readWord(sql: string, at: number, word: string): Read {
  const end = at + word.length;
  const next = sql[end];
  if (next === "'" && /^[xbn]$/i.test(word)) return { ...readQuoted(sql, end, "'", "text"), kind: "text" };
  if (next === "'" && word.startsWith("_")) throw reject("A character set before a text is not allowed.");
  // Names of other planes are cut or refused by the server's own character set.
  if (/[\u{10000}-\u{10ffff}]/u.test(word))
    throw reject(`The name ${quote(word)} has characters that names may not have.`);
  return { kind: "word", text: word, end };
}

/** A plain number. `1.`, `1e` and `0x` without digits are read in several ways. */
function readNumber(at: number, take: (pattern: RegExp) => string | null): Read | null {
  const hexadecimal = take(/0x[0-9A-Fa-f]+(?![A-Za-z0-9_$.\p{L}\p{N}])/uy);
  if (hexadecimal !== null) return { kind: "text", text: hexadecimal, end: at + hexadecimal.length };
  const number = take(NUMBER);
  if (number === null) return null;
  const follows = take(new RegExp(`${escapePattern(number)}(${AFTER_NUMBER.source})`, "uy"));
  if (follows !== null) throw reject(`${quote(follows)} is not a plain number (character ${at + 1}).`);
  return { kind: "number", text: number, end: at + number.length };
}

function escapePattern(text: string): string {
  return text.replaceAll(/[.+]/g, "\\$&");
}

function readQuoted(sql: string, at: number, mark: "'" | "`", kind: "text" | "name"): Read {
  let text = "";
  for (let end = at + 1; end < sql.length; end += 1) {
    const current = sql[end] ?? "";
    if (current === mark && sql[end + 1] === mark) end += 1;
    else if (current === mark) return { kind, text: checkQuoted(kind, text), end: end + 1 };
    else if (current === "\\" && kind === "text") {
      // With NO_BACKSLASH_ESCAPES the quote ends the text; without, it does not.
      if (sql[end + 1] === "'")
        throw reject("A backslash before a quote is not allowed in a text: write '' for a quote.");
      text += current;
      end += 1;
    }
    text += sql[end] ?? "";
  }
  throw reject(`The quote at character ${at + 1} does not end.`);
}

function checkQuoted(kind: "text" | "name", text: string): string {
  if (kind === "name" && (text === "" || text.endsWith(" ") || /[\u{10000}-\u{10ffff}]/u.test(text)))
    throw reject(`${quote(text)} is not a name.`);
  return text;
}
