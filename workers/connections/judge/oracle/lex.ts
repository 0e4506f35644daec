import type { Token } from "../cursor.ts";
import { forbid, quote, reject } from "../refuse.ts";

const SPACE = /[ \t\n]+|\r\n/y;
const WORD = /[A-Za-z][A-Za-z0-9_$#]*/y;
const NUMBER = /(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?(?![A-Za-z0-9_$#.\u0080-\uffff])/y;
const PARAMETER = /:[pP]([1-9]\d{0,2})(?![A-Za-z0-9_$#\u0080-\uffff])/y;
const NUMBER_OF_BLOCK = /(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?(?![A-Za-z0-9_$#\u0080-\uffff]|\.(?!\.))/y;
/** Assignments, ranges, labels and attributes such as `SQL%ROWCOUNT`. */
const SYMBOL_OF_BLOCK = /:=|\.\.|<<|>>|%/y;
const SYMBOL = /<>|!=|\^=|<=|>=|\|\||[-+*/=<>(),.;]/y;

/** Marks that may open a text such as `q'[it's]'`, each with the one that closes it. */
const MARKS: Readonly<Record<string, string>> = {
  "[": "]",
  "{": "}",
  "(": ")",
  "<": ">",
  "!": "!",
  "|": "|",
};

/** Words that a text may follow without a space: `DATE'2026-01-01'`. */
const BEFORE_TEXT =
  /^(?:DATE|TIMESTAMP|INTERVAL|LIKE|AND|OR|WHEN|THEN|ELSE|ESCAPE|BETWEEN|NOT|SELECT|IN|BY)$/i;

/** Letters that a server whose character set lacks them may store as a quote. */
const LIKE_QUOTES =
  /[\u00b4\u02b9-\u02bf\u02c8\u02ca\u02cb\u2018-\u201f\u2032-\u2037\u275b-\u275e\uff02\uff07]/;

/** Why a character that another dialect or clause uses is refused. */
const REFUSED: Readonly<Record<string, string>> = {
  "@": "Database links are not allowed: name a table of this database.",
  "?": "Parameters are written :p1, :p2 and so on.",
  ":": "Parameters are written :p1, :p2 and so on.",
  "`": 'Names are quoted with ": write "name".',
};

/**
 * Splits a statement of Oracle into tokens. A word is in upper case, as the server compares it; a name in quotes
 * is as written. Refused is what a server, a driver or a setting could read in two ways: hints, carriage returns
 * alone, letters outside of ASCII without quotes, and every character without a rule.
 *
 * @param isBlock - it may be a block of PL/SQL, which has signs of its own
 */
export function lex(sql: string, isBlock = false): Token[] {
  if (LIKE_QUOTES.test(sql))
    throw reject("Curly quotes and letters like them are not allowed: put such a text into a parameter.");
  const tokens: Token[] = [];
  let at = 0;
  const take = (pattern: RegExp): string | null => {
    pattern.lastIndex = at;
    return pattern.exec(sql)?.[0] ?? null;
  };
  while (at < sql.length) {
    const gap = take(SPACE)?.length ?? measureComment(sql, at);
    if (gap > 0) {
      at += gap;
      continue;
    }
    const { end, ...token } = readToken(sql, at, take, isBlock);
    tokens.push({ ...token, at });
    at = end;
  }
  tokens.push({ kind: "end", text: "", at });
  return tokens;
}

/** How long the comment is that starts at `at`; 0 if there is none. */
function measureComment(sql: string, at: number): number {
  const isLine = sql.startsWith("--", at);
  if (!isLine && !sql.startsWith("/*", at)) return 0;
  const end = sql.indexOf(isLine ? "\n" : "*/", at + 2);
  if (end === -1 && !isLine) throw reject(`The comment at character ${at + 1} does not end.`);
  const body = sql.slice(at + 2, end === -1 ? sql.length : end);
  if (body.startsWith("+")) throw forbid("Hints are not allowed: leave out the comment that begins with +.");
  // Another reader could end the comment there.
  const ends = isLine ? /\r(?!$)|[\u0085\u2028\u2029]/ : /\r(?!\n)|[\u0085\u2028\u2029]/;
  if (ends.test(body) || body.includes("/*") || (!isLine && body.endsWith("/")))
    throw reject("Comments in comments, and odd line ends in comments, are not allowed.");
  if (isLine) return end === -1 ? sql.length - at : end + 1 - at;
  return end + 2 - at;
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
  isBlock: boolean,
): Read {
  const first = sql[at] ?? "";
  if (first === "'") return readText(sql, at);
  if (first === '"') return readName(sql, at);
  const parameter = take(PARAMETER);
  if (parameter !== null) return { kind: "parameter", text: parameter.slice(2), end: at + parameter.length };
  const number = take(isBlock ? NUMBER_OF_BLOCK : NUMBER);
  if (number !== null) return { kind: "number", text: number, end: at + number.length };
  const word = take(WORD);
  if (word !== null) return readWord(sql, at, word);
  const symbol = (isBlock ? take(SYMBOL_OF_BLOCK) : null) ?? take(SYMBOL);
  if (symbol !== null) return { kind: "symbol", text: symbol, end: at + symbol.length };
  throw refuseCharacter(first, at);
}

function refuseCharacter(character: string, at: number): Error {
  const why = REFUSED[character];
  if (why !== undefined) return character === "@" ? forbid(why) : reject(why);
  if (/\d/.test(character)) return reject(`What starts at character ${at + 1} is not a plain number.`);
  if (/\p{L}/u.test(character))
    return reject(
      `${quote(character)} stands outside of quotes (character ${at + 1}): write "name" or 'text'.`,
    );
  return reject(`${quote(character)} is not allowed here (character ${at + 1}).`);
}

function readWord(sql: string, at: number, word: string): Read {
  const end = at + word.length;
  if (/[\u0080-\uffff]/.test(sql[end] ?? ""))
    throw reject(`The name at character ${at + 1} has letters that need quotes: write "name".`);
  if (sql[end] !== "'") return { kind: "word", text: word.toUpperCase(), end };
  if (/^n$/i.test(word)) return readText(sql, end);
  if (/^n?q$/i.test(word)) return readMarked(sql, end);
  if (BEFORE_TEXT.test(word)) return { kind: "word", text: word.toUpperCase(), end };
  throw reject(`Write a space between ${quote(word)} and the text behind it.`);
}

/** A text in quotes, in which two quotes are one. The server knows no backslash. */
function readText(sql: string, at: number): Read {
  let text = "";
  for (let end = at + 1; end < sql.length; end += 1) {
    if (sql[end] !== "'") text += sql[end];
    else if (sql[end + 1] === "'") {
      text += "'";
      end += 1;
    } else return { kind: "text", text, end: end + 1 };
  }
  throw reject(`The quote at character ${at + 1} does not end.`);
}

/** `q'[…]'` from its quote on. */
function readMarked(sql: string, at: number): Read {
  const open = sql[at + 1] ?? "";
  const close = Object.hasOwn(MARKS, open) ? MARKS[open] : undefined;
  if (close === undefined)
    throw reject(`A text is written q'[…]', with one of ${Object.keys(MARKS).join(" ")} behind the quote.`);
  const end = sql.indexOf(`${close}'`, at + 2);
  if (end === -1) throw reject(`The quote at character ${at + 1} does not end.`);
  return { kind: "text", text: sql.slice(at + 2, end), end: end + 2 };
}

/** A name in quotes. It holds no quote and no control character. */
function readName(sql: string, at: number): Read {
  const end = sql.indexOf('"', at + 1);
  const text = sql.slice(at + 1, end);
  if (end === -1) throw reject(`The quote at character ${at + 1} does not end.`);
  if (text === "" || text.length > 128 || sql[end + 1] === '"' || /\p{Cc}|[\u2028\u2029]/u.test(text))
    throw reject(`${quote(text)} is not a name.`);
  return { kind: "name", text, end: end + 1 };
}
