import { openObject } from "./open-object.ts";
import { SHARDS, shardOf } from "./shards.ts";

/** An attempt to count, under the digest of its subject. */
export interface CountedAttempt {
  key: string;
  limit: number;
  /** When a window that begins now ends, in milliseconds since the epoch. */
  endsAt: number;
}

/** A counter as it is stored. */
export interface Counter {
  key: string;
  count: number;
  endsAt: number;
}

/** One of the objects that count attempts. Implemented in `workers/objects/attempts`. */
export interface AttemptGate {
  /** Counts these attempts, in one turn. Returns the milliseconds until the next is admitted; 0 when these are. */
  admit(attempts: readonly CountedAttempt[], now: number): Promise<number>;
  /** Takes one attempt back from each of these counters. */
  giveBack(keys: readonly string[]): Promise<void>;
  /** Takes over counters from elsewhere. The same ones may come again. */
  adopt(counters: readonly Counter[]): Promise<void>;
  /** Number of counters. */
  countCounters(): Promise<number>;
}

/**
 * The object that has the counter of a key. No method is repeated: a counted attempt would count twice.
 *
 * @param key - a digest, hexadecimal
 */
export function attemptGate(env: Env, key: string): AttemptGate {
  return openObject<AttemptGate>(env, env.ATTEMPTS, nameOf(key));
}

/** Entries by the object that has their counters, with its gate. */
export function groupByGate<Entry>(
  env: Env,
  entries: readonly Entry[],
  keyOf: (entry: Entry) => string,
): [gate: AttemptGate, own: Entry[]][] {
  const groups = Map.groupBy(entries, (entry) => nameOf(keyOf(entry)));
  return [...groups].map(([name, own]) => [openObject<AttemptGate>(env, env.ATTEMPTS, name), own]);
}

function nameOf(key: string): string {
  return `attempts-${shardOf(key, SHARDS.attempts)}`;
}
