/** What went of one chain. */
export interface ChainRemoval {
  chain: string;
  /** `retention`: its time was over. `erasure`: the person was erased. */
  reason: "retention" | "erasure";
  /** Ranges of sequence numbers, both included, whose events are gone. The records themselves stay and verify. */
  emptied: (readonly [first: number, last: number])[];
  /** Everything up to this record is gone, with its hash: the chain now begins after it. `null` for nothing. */
  cut: { through: number; hash: string } | null;
}

/**
 * A signed statement of what was removed: the difference between what is gone lawfully and what somebody took away.
 * Written in the same transaction as the removal. Its bytes are its canonical JSON (RFC 8785); statements follow each
 * other by number and hash like checkpoints, and are never removed.
 */
export interface Removal {
  version: 1;
  /** So that no signature under another kind of statement can stand under this one. */
  purpose: "removal";
  /** 1, 2, 3 … without gaps. */
  number: number;
  /** Milliseconds since the epoch. */
  at: number;
  /** SHA-256 of the removal before; `NO_RECORD` for the first. */
  previous: string;
  /** Ed25519 public key (RFC 8032), 32 bytes in base64url. */
  publicKey: string;
  /** By type of event: what was recorded before this moment was past its time, by the policy in force. */
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
