/** The removals of one chain. */
export interface ChainRemoval {
  chain: string;
  /** `retention`: the retention period is over. `erasure`: the user was erased. */
  reason: "retention" | "erasure";
  /**
   * Ranges of sequence numbers, both inclusive, whose events were removed. The records themselves stay and
   * verify.
   */
  emptied: (readonly [first: number, last: number])[];
  /**
   * Everything up to this record, given with its hash, was removed: the chain now begins after it. `null` for
   * nothing.
   */
  cut: { through: number; hash: string } | null;
}

/**
 * A signed statement of removed records, which tells lawful removal from tampering. Written in the same
 * transaction as the removal. Its bytes are its canonical JSON (RFC 8785). Statements are linked by number
 * and hash like checkpoints, and are never removed.
 */
export interface Removal {
  version: 1;
  /** Prevents a signature of another kind of statement from verifying as this one. */
  purpose: "removal";
  /** 1, 2, 3 … without gaps. */
  number: number;
  /** Milliseconds since the epoch. */
  at: number;
  /** SHA-256 of the previous removal; `NO_RECORD` for the first. */
  previous: string;
  /** Ed25519 public key (RFC 8032), 32 bytes in base64url. */
  publicKey: string;
  /** By event type, the time before which events are past their retention, by the policy in force. */
  before: Readonly<Record<string, number>>;
  chains: ChainRemoval[];
}

/** Joins ascending sequence numbers into ranges. */
export function toRanges(sequences: readonly number[]): [number, number][] {
  const ranges: [number, number][] = [];
  for (const sequence of sequences) {
    const last = ranges.at(-1);
    if (last && last[1] + 1 === sequence) last[1] = sequence;
    else ranges.push([sequence, sequence]);
  }
  return ranges;
}
