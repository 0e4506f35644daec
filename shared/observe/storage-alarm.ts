import { log } from "./log.ts";

/** What a database of D1 and an object hold at most, in bytes (D1 limits; Durable Objects limits, SQLite). */
export const STORAGE_LIMIT = 10_000_000_000;

/** The share of it from which on an operator is told: time to act is left. */
const ALARM_SHARE = 0.7;

/** How full a store is. */
export interface Fullness {
  bytes: number;
  /** Whole percent of what it can hold. */
  percent: number;
}

/** How full a store of so many bytes is, `null` below the alarm. */
export function findFullness(bytes: number): Fullness | null {
  if (!(bytes >= STORAGE_LIMIT * ALARM_SHARE)) return null;
  return { bytes, percent: Math.floor((bytes / STORAGE_LIMIT) * 100) };
}

/** Logs an error when a store fills up. It still works: `/ready` names a database and stays ready. */
export function reportFullness(store: string, bytes: number): Fullness | null {
  const fullness = findFullness(bytes);
  if (fullness !== null) log("error", "storage_fills_up", { store, ...fullness });
  return fullness;
}
