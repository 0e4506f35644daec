import type { Finding } from "./finding.ts";
import type { ChainRemoval, Removal } from "./removal.ts";
import { findSignatureFault, type Placed, verifyStatements } from "./verify-statements.ts";

/** A cut chain begins after this record. */
export interface Cut {
  through: number;
  hash: string;
}

interface Span {
  first: number;
  last: number;
  reason: ChainRemoval["reason"];
  before: Removal["before"];
}

/** The validly signed removals of an export. A removal with a bad signature is ignored. */
export class Removed {
  readonly #spans = new Map<string, Span[]>();
  readonly #cuts = new Map<string, Cut>();

  add({ before, chains }: Removal): void {
    for (const { chain, reason, emptied, cut } of chains) {
      const spans = this.#spans.get(chain) ?? [];
      for (const [first, last] of emptied) spans.push({ first, last, reason, before });
      this.#spans.set(chain, spans);
      const known = this.#cuts.get(chain)?.through ?? 0;
      if (cut && cut.through > known) this.#cuts.set(chain, cut);
    }
  }

  cutOf(chain: string): Cut | undefined {
    return this.#cuts.get(chain);
  }

  /** Why the event of this record may be missing; `null` if no removal covers it. */
  excuse(chain: string, sequence: number, type: string, at: number): "lawful" | "early" | null {
    const spans = this.#spans.get(chain)?.filter(({ first, last }) => first <= sequence && sequence <= last);
    if (!spans || spans.length === 0) return null;
    const isDue = ({ reason, before }: Span) => reason === "erasure" || at < (before[type] ?? 0);
    return spans.some(isDue) ? "lawful" : "early";
  }
}

/** Checks the series of removals and collects the validly signed ones. */
export async function verifyRemovals(
  removals: readonly Placed<Removal>[],
  trusted: readonly string[],
): Promise<{ removed: Removed; findings: Finding[] }> {
  // Removals are never removed, so every export contains them from the first on.
  const findings = await verifyStatements("removal", removals, true, trusted);
  const removed = new Removed();
  for (const placed of removals) {
    if ((await findSignatureFault(placed, trusted)) === null) removed.add(placed.statement);
  }
  return { removed, findings };
}
