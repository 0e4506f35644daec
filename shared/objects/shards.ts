/**
 * Into how many objects each thing is divided through which all requests would pass otherwise. A number only grows: names
 * of objects are made of it, and what an object holds is looked for under its name.
 */
export const SHARDS = {
  /** Counters of attempts, by the digest of their key. */
  attempts: 32,
  /** Subscribers of one topic of changes, by person: an object holds about 32,000 connections. */
  changes: 16,
} as const;

/** The object of a digest (hexadecimal) among `count`, from 0. */
export function shardOf(digest: string, count: number): number {
  return Number.parseInt(digest.slice(0, 8), 16) % count;
}
