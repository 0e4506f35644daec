import { canonicalize, digestText } from "../../encoding/canonical-json.ts";
import type { JsonValue } from "../../encoding/json.ts";
import type { JournalEntry, ToolOutcome } from "../../objects/program-gate.ts";

/** What the answer says of a call. */
export interface ListedCall {
  tool: string;
  /** `ok`, the code of its error, `waiting` for a person, or `not_finished`. */
  outcome: string;
  /** It ran before the program waited, and did not run again. */
  earlier?: true;
}

/**
 * The calls of a program in the sequence in which it made them. A program that goes on after it waited makes its calls
 * again from the first; those that ended are answered from here.
 */
export class Journal {
  readonly #earlier: readonly JournalEntry[];
  readonly #entries: (JournalEntry & { earlier?: true })[] = [];

  constructor(earlier: readonly JournalEntry[] = []) {
    this.#earlier = earlier;
  }

  get length(): number {
    return this.#entries.length;
  }

  /**
   * The place of the next call, and its outcome if it ended before the program waited. `null` if the program made
   * another call in this place then: it is not the same program any more.
   */
  begin(tool: string, args: JsonValue): { at: number; known: ToolOutcome | null } | null {
    const digest = digestText(canonicalize(args));
    const at = this.#entries.length;
    const before = this.#earlier[at];
    if (before !== undefined && (before.tool !== tool || before.digest !== digest)) return null;
    const known = before?.outcome ?? null;
    this.#entries.push({ tool, digest, outcome: known, ...(known !== null && { earlier: true as const }) });
    return { at, known };
  }

  end(at: number, outcome: ToolOutcome): void {
    const entry = this.#entries[at];
    if (entry !== undefined) entry.outcome = outcome;
  }

  /** To be kept; with the calls that the program has not made again yet. */
  entries(): JournalEntry[] {
    const rest = this.#earlier.slice(this.#entries.length);
    return [...this.#entries, ...rest].map(({ tool, digest, outcome }) => ({ tool, digest, outcome }));
  }

  /** @param unfinished - what is said of a call without an outcome */
  list(unfinished: "waiting" | "not_finished"): ListedCall[] {
    return this.#entries.map(({ tool, outcome, earlier }) => ({
      tool,
      outcome: outcome === null ? unfinished : outcome.ok ? "ok" : outcome.error.code,
      ...(earlier && { earlier }),
    }));
  }
}
