import { ToolError } from "../../../shared/call/tool-error.ts";
import { COLLECTING_FUNCTIONS } from "./functions.ts";
import type { Token } from "./tokens.ts";

/** Maximum characters of any value: D1 holds 2 MB per value. */
export const LONGEST_TEXT = 2_000_000;

/** Maximum characters of a stored text: the limit of `analytics_track`, and sentences of the public data. */
const LONGEST_STORED = 200;

/** Growth factor of a function's result over its argument; 1 for functions not listed. */
const GROWTH: ReadonlyMap<string, number> = new Map([
  ["hex", 8],
  ["quote", 2],
  ["unistr_quote", 6],
  ["json_quote", 6],
  ["json_array", 6],
  ["json_object", 6],
  ["json_set", 6],
  ["json_insert", 6],
  ["json_replace", 6],
  ["json_patch", 2],
  ["json_group_array", 6],
  ["json_group_object", 6],
]);

/** Functions whose result is as long as all arguments together. */
const JOINING = new Set(["concat", "concat_ws", "printf", "format", "json_array", "json_object", "json_set"]);

/** Keywords that can precede a value and are not function names. */
const LAYER_STARTS = new Set(["select", "with", "values"]);

/**
 * A conversion of `printf` with literal digits: width and precision of at most two digits, none from an
 * argument.
 */
const CONVERSION = /%(?:[^%a-zA-Z]*[a-zA-Z]|%)/g;
const PLAIN_CONVERSION = /^%(?:%|[-+ 0#!,]*\d{0,2}(?:\.\d{1,2})?l{0,2}[diufeEgGxXosSzqQwc])$/;

/** Digits of the longest number in a format: 10 to the power of 308, and a fraction. */
const LONGEST_NUMBER = 420;

/** Maximum characters produced by a two-character date format. */
const LONGEST_DATE_PART = 16;

/** Maximum lengths of a statement's texts, in characters. */
export interface TextSizes {
  /** The longest text in any row of the statement. */
  longest: number;
  /** The longest input text: literals, bound values, stored texts. */
  given: number;
  /** Whether texts of many rows are concatenated and then processed. */
  collects: boolean;
}

/**
 * Bounds the length of every text that a statement can produce. Within one SELECT a text is at most as long
 * as everything joined in it, times the factors of the functions around it; each surrounding SELECT may join
 * the result again, so the layers multiply. Throws `invalid_input` for a format of unknown length.
 *
 * @param longestBound - characters of the longest bound text
 */
export function boundTexts(tokens: readonly Token[], longestBound: number): TextSizes {
  const literals = tokens.filter(({ kind }) => kind === "string" || kind === "quoted");
  const given = Math.max(LONGEST_STORED, longestBound, ...literals.map(({ text }) => text.length));
  let growth = 1;
  let made = 0;
  let collects = false;
  for (const layer of splitLayers(tokens)) {
    let joined = 0;
    for (const [index, token] of layer.entries()) {
      if (token.text === "|" && layer[index + 1]?.text === "|") joined++;
      const name = callAt(layer, index);
      if (name === null) continue;
      if (name === "printf" || name === "format") made += formattedLength(layer[index + 2]);
      if (name === "strftime") {
        const format = layer[index + 2];
        if (format?.kind === "string") made += format.text.length * LONGEST_DATE_PART;
        else growth *= LONGEST_DATE_PART;
      }
      if (name === "char") made += splitArguments(layer, index).length;
      if (name === "replace") growth *= replacementLength(layer, index, given);
      if (JOINING.has(name)) joined += countArguments(layer, index);
      if (COLLECTING_FUNCTIONS.has(name)) collects ||= !isShownAsItIs(tokens, layer, index);
      growth *= GROWTH.get(name) ?? 1;
      if (growth > LONGEST_TEXT) growth = LONGEST_TEXT;
    }
    // Other clauses of the same SELECT can use a result's alias: its parts count twice there.
    if (joined > 0) growth = Math.min(LONGEST_TEXT, growth * (joined / 2 + 1) ** 2);
  }
  return { longest: Math.min(LONGEST_TEXT, Math.max(given, made) * growth), given, collects };
}

/** Splits the statement into SELECTs: the tokens of an inner one are not among those of the outer. */
function splitLayers(tokens: readonly Token[]): Token[][] {
  const done: Token[][] = [];
  const open: { layer: Token[]; depth: number }[] = [{ layer: [], depth: 0 }];
  let depth = 0;
  for (const [index, token] of tokens.entries()) {
    const inside = open.at(-1);
    if (inside === undefined) break;
    inside.layer.push(token);
    if (token.text === "(") {
      depth++;
      const first = tokens[index + 1];
      if (first?.kind === "word" && LAYER_STARTS.has(first.text.toLowerCase()))
        open.push({ layer: [], depth });
    }
    if (token.text === ")") {
      if (open.length > 1 && inside.depth === depth) {
        done.push(inside.layer);
        open.pop();
        open.at(-1)?.layer.push(token);
      }
      depth--;
    }
  }
  return [...done, ...open.map(({ layer }) => layer)];
}

/** The function called at this token, lower case, or `null`. */
function callAt(tokens: readonly Token[], index: number): string | null {
  const token = tokens[index];
  if (tokens[index + 1]?.text !== "(" || token === undefined) return null;
  if (token.kind === "word") return token.text.toLowerCase();
  return token.kind === "quoted" || token.kind === "string" ? token.text.slice(1, -1).toLowerCase() : null;
}

/** Characters that a format adds to its arguments. Throws `invalid_input` when the length is unknown. */
function formattedLength(format: Token | undefined): number {
  const conversions = format?.kind === "string" ? (format.text.match(CONVERSION) ?? []) : [];
  if (format?.kind !== "string" || !conversions.every((conversion) => PLAIN_CONVERSION.test(conversion))) {
    throw new ToolError("invalid_input", "The length of what this printf or format makes cannot be told.", {
      suggestedAction:
        "Write its format as a text in the statement, with widths and precisions of at most two digits and without *.",
    });
  }
  const numbers = conversions.map((conversion) => (/f$/i.test(conversion) ? LONGEST_NUMBER : 100));
  return numbers.reduce((sum, length) => sum + length, format.text.length);
}

/**
 * Growth factor of `replace`: the length of the replacement. A computed replacement may have the maximum
 * length.
 */
function replacementLength(tokens: readonly Token[], index: number, given: number): number {
  const argument = splitArguments(tokens, index)[2] ?? [];
  const [only] = argument;
  if (argument.length !== 1 || only === undefined) return LONGEST_TEXT;
  return only.kind === "string" ? Math.max(1, only.text.length - 2) : given;
}

function countArguments(tokens: readonly Token[], index: number): number {
  return splitArguments(tokens, index).length;
}

function splitArguments(tokens: readonly Token[], index: number): Token[][] {
  const found: Token[][] = [[]];
  let depth = 0;
  for (const token of tokens.slice(index + 1)) {
    if (token.text === "(" && depth++ === 0) continue;
    if (token.text === ")" && --depth === 0) break;
    if (token.text === "," && depth === 1) found.push([]);
    else found.at(-1)?.push(token);
  }
  return found;
}

/** Whether a concatenated text only appears in the outermost SELECT, unprocessed. */
function isShownAsItIs(all: readonly Token[], layer: readonly Token[], index: number): boolean {
  const outermost = layer[0] === all[0];
  const names = all.filter(({ kind, text }) => kind === "word" && LAYER_STARTS.has(text.toLowerCase()));
  const words = layer.map(({ text }) => text.toLowerCase());
  const works = words.includes("over") || words.includes("order") || words.includes("having");
  const before = layer[index - 1]?.text.toLowerCase() ?? "";
  let depth = 0;
  let end = index + 1;
  for (; end < layer.length; end++) {
    if (layer[end]?.text === "(") depth++;
    if (layer[end]?.text === ")" && --depth === 0) break;
  }
  const after = layer[end + 1]?.text.toLowerCase() ?? "";
  const stands = ["select", ",", "distinct"].includes(before) && ["", ",", "as", "from"].includes(after);
  return outermost && names.length === 1 && !works && stands && before !== "distinct";
}
