import { ToolError } from "../../../shared/call/tool-error.ts";
import { COLLECTING_FUNCTIONS } from "./functions.ts";
import type { Token } from "./tokens.ts";

/** Characters that any value may have at most: D1 holds 2 MB a value. */
export const LONGEST_TEXT = 2_000_000;

/** Characters that a stored text may have: what `analytics_track` takes, and the sentences of the public data. */
const LONGEST_STORED = 200;

/** How many times longer than what it is given a function's answer may be. What is not here makes nothing longer. */
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

/** Functions whose answer is as long as their arguments together. */
const JOINING = new Set(["concat", "concat_ws", "printf", "format", "json_array", "json_object", "json_set"]);

/** What stands before a value and is no function's name. */
const LAYER_STARTS = new Set(["select", "with", "values"]);

/** A conversion of `printf` with digits of its own: width and precision of at most two, and none from an argument. */
const CONVERSION = /%(?:[^%a-zA-Z]*[a-zA-Z]|%)/g;
const PLAIN_CONVERSION = /^%(?:%|[-+ 0#!,]*\d{0,2}(?:\.\d{1,2})?l{0,2}[diufeEgGxXosSzqQwc])$/;

/** Digits of the longest number that a format writes out: 10 to the power of 308, and a fraction. */
const LONGEST_NUMBER = 420;

/** Characters that two characters of a date format may make. */
const LONGEST_DATE_PART = 16;

/** How long the texts of a statement may become. Characters. */
export interface TextSizes {
  /** The longest text that any row of the statement may make. */
  longest: number;
  /** The longest text that comes into it: literals, bound values, stored texts. */
  given: number;
  /** Whether texts of many rows are put into one and then worked with. */
  collects: boolean;
}

/**
 * Bounds the length of every text that a statement can make. Within one SELECT a text is at most as long as everything
 * that is joined in it, and grows by the factors of the functions around it; each SELECT around that may join the
 * result again, so the layers multiply. Throws `invalid_input` for a format whose length nobody can tell.
 *
 * @param longestBound - characters of the longest text that is bound
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
    // A name for a result may stand in the other clauses of the same SELECT: its parts count twice there.
    if (joined > 0) growth = Math.min(LONGEST_TEXT, growth * (joined / 2 + 1) ** 2);
  }
  return { longest: Math.min(LONGEST_TEXT, Math.max(given, made) * growth), given, collects };
}

/** The statement as SELECTs: what stands in the parentheses of an inner one is not among the tokens of the outer. */
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

/** The function that is called at this token, lower case, or `null`. */
function callAt(tokens: readonly Token[], index: number): string | null {
  const token = tokens[index];
  if (tokens[index + 1]?.text !== "(" || token === undefined) return null;
  if (token.kind === "word") return token.text.toLowerCase();
  return token.kind === "quoted" || token.kind === "string" ? token.text.slice(1, -1).toLowerCase() : null;
}

/** Characters that a format may make beside the texts that are put into it. Throws `invalid_input` when nobody can tell. */
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

/** How many times longer `replace` may make a text: by the length of what it puts in. What is computed may be the longest. */
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

/** Whether what is collected only stands in the outermost SELECT, alone: then nothing works with the long text. */
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
