import type { Token } from "../cursor.ts";
import { quote, reject } from "../refuse.ts";

/** Types that a parameter of a statement may have. `Identifier` would name a table. */
const PARAMETER =
  /^\{p(\d{1,3}):(?:(?:U?Int(?:8|16|32|64)|Float(?:32|64)|String|Bool|Date|Date32|DateTime|UUID)|Nullable\((?:U?Int(?:32|64)|Float64|String|Date|DateTime)\))\}/;

const PATTERNS: readonly (readonly [Token["kind"] | "gap", RegExp])[] = [
  ["gap", /^[ \t\n\r]+/],
  ["gap", /^--[ \t][^\n]*/],
  ["gap", /^--(?=\r?\n|$)/],
  ["gap", /^\/\*(?:[^*/]|\*(?!\/)|\/(?!\*))*\*\//],
  ["parameter", PARAMETER],
  ["number", /^(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?(?![A-Za-z0-9_.$])/],
  ["word", /^[A-Za-z_][A-Za-z0-9_]*(?![A-Za-z0-9_$])/],
  ["text", /^'(?:[^'\\]|\\[\\'"nrt0%_]|'')*'/],
  ["name", /^`[^`\\"]+`/],
  ["name", /^"[^"\\`]+"/],
  // Never two minus signs: ClickHouse reads what follows them as a comment, whatever it is.
  ["symbol", /^(?:::|\|\||<=|>=|<>|!=|==|-(?!-)|[+*/%=<>(),.;[\]])/],
];

/**
 * Splits a statement of ClickHouse into tokens. What is not on the list is refused: comments with `#`, texts between
 * `$` signs, names with escapes, lambdas, ternaries, and parameters that name tables.
 */
export function lex(sql: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < sql.length) {
    const rest = sql.slice(at);
    let found: readonly [Token["kind"] | "gap", string] | null = null;
    for (const [kind, pattern] of PATTERNS) {
      const [text] = pattern.exec(rest) ?? [];
      if (text === undefined) continue;
      found = [kind, text];
      break;
    }
    if (found === null) throw refuse(rest, at);
    const [kind, text] = found;
    if (kind !== "gap") tokens.push({ kind, text: contentOf(kind, text), at });
    at += text.length;
  }
  tokens.push({ kind: "end", text: "", at });
  return tokens;
}

function contentOf(kind: Token["kind"], text: string): string {
  if (kind === "name" || kind === "text") return text.slice(1, -1);
  return kind === "parameter" ? (PARAMETER.exec(text)?.[1] ?? "") : text;
}

function refuse(rest: string, at: number): Error {
  if (rest.startsWith("--"))
    return reject(
      "`--` without a space after it is not allowed. Write `-- ` for a comment, `- -` for a number.",
    );
  if (rest.startsWith("{"))
    return reject("A parameter is written {p1:String}, with the types of numbers, texts and dates.");
  if (/^['`"]/.test(rest))
    return reject(`The quote at character ${at + 1} does not end, or has an escape that is not allowed.`);
  return reject(`${quote(rest.slice(0, 1))} is not allowed here (character ${at + 1}).`);
}
