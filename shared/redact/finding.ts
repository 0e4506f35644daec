import type { Classification } from "../call/mask-rules.ts";

/** A stretch of sensitive text: `text.slice(start, end)`. */
export interface Finding {
  /** `email`, `phone`, `card`, `iban`, a national id such as `us_ssn`, or `token`, `jwt`, `private_key`, … */
  kind: string;
  classification: Extract<Classification, "pii" | "secret">;
  start: number;
  end: number;
}

/** Finds one kind of data. Must take time linear in the text. */
export interface Detector {
  kind: string;
  classification: Finding["classification"];
  find(text: string): Iterable<readonly [start: number, end: number]>;
}

/** A pattern's match, and the text shortly before it. */
interface Candidate {
  /** Without spaces, dashes, dots, slashes and brackets, in upper case. */
  compact: string;
  text: string;
  before: string;
}

/** Characters before a number that are searched for a word that names it. */
const CONTEXT = 40;

/**
 * A detector from a regular expression and a test of its matches. To stay linear, the expression must begin
 * with a lookbehind that holds only at the first character of a run, and must bound every repetition. A group
 * named `value` narrows the finding to a part of the match.
 */
export function byPattern(
  kind: string,
  classification: Finding["classification"],
  pattern: RegExp,
  accept: (candidate: Candidate) => boolean = () => true,
): Detector {
  const global = new RegExp(pattern.source, `${pattern.flags.replace("g", "")}g`);
  return {
    kind,
    classification,
    *find(text) {
      for (const match of text.matchAll(global)) {
        const value = match.groups?.value ?? match[0];
        const start = match.index + match[0].lastIndexOf(value);
        const before = text.slice(Math.max(0, match.index - CONTEXT), match.index);
        const compact = value.replace(/[ \-./()]/g, "").toUpperCase();
        if (accept({ compact, text: value, before })) yield [start, start + value.length];
      }
    },
  };
}
