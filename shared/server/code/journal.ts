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
 * The calls of a program. A program that goes on after it waited makes its calls again from the first; those that ended
 * are answered from here. A call is known again by its tool, its arguments and how often the program made the same one
 * before: calls that run at once come in no fixed sequence.
 */
export class Journal {
  readonly #earlier = new Map<string, JournalEntry>();
  readonly #counts = new Map<string, number>();
  readonly #entries: (JournalEntry & { earlier?: true })[] = [];

  constructor(earlier: readonly JournalEntry[] = []) {
    const counts = new Map<string, number>();
    for (const entry of earlier) this.#earlier.set(nextKey(counts, entry), entry);
  }

  get length(): number {
    return this.#entries.length;
  }

  /**
   * The place of the next call, and its outcome if it ended before the program waited. `null` for a call that was not
   * made then, while calls of then that ended have not been made again: it may not be the same program any more.
   */
  begin(tool: string, args: JsonValue): { at: number; known: ToolOutcome | null } | null {
    const digest = digestText(canonicalize(args));
    const key = keyAfter(this.#counts, { tool, digest });
    const before = this.#earlier.get(key);
    if (before === undefined && this.#hasEnded()) return null;
    nextKey(this.#counts, { tool, digest });
    this.#earlier.delete(key);
    const at = this.#entries.length;
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
    return [...this.#entries, ...this.#earlier.values()].map(({ tool, digest, outcome }) => ({
      ...{ tool, digest, outcome },
    }));
  }

  /** @param unfinished - what is said of a call without an outcome */
  list(unfinished: "waiting" | "not_finished"): ListedCall[] {
    return this.#entries.map(({ tool, outcome, earlier }) => ({
      tool,
      outcome: outcome === null ? unfinished : outcome.ok ? "ok" : outcome.error.code,
      ...(earlier && { earlier }),
    }));
  }

  #hasEnded(): boolean {
    return [...this.#earlier.values()].some(({ outcome }) => outcome !== null);
  }
}

type Made = Pick<JournalEntry, "tool" | "digest">;

function keyAfter(counts: ReadonlyMap<string, number>, { tool, digest }: Made): string {
  return `${digest} ${counts.get(`${digest} ${tool}`) ?? 0} ${tool}`;
}

function nextKey(counts: Map<string, number>, made: Made): string {
  const key = keyAfter(counts, made);
  const kind = `${made.digest} ${made.tool}`;
  counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return key;
}
