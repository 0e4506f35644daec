import { log } from "./log.ts";

/** Most bytes of a D1 database and of an object (D1 limits; Durable Objects limits, SQLite). */
export const STORAGE_LIMIT = 10_000_000_000;

/** Share of the limit from which an operator is alarmed. */
const ALARM_SHARE = 0.7;

/** How full a store is. */
export interface Fullness {
  bytes: number;
  /** Whole percent of the limit. */
  percent: number;
}

/** Returns how full a store of this many bytes is, or `null` below the alarm. */
export function findFullness(bytes: number): Fullness | null {
  if (!(bytes >= STORAGE_LIMIT * ALARM_SHARE)) return null;
  return { bytes, percent: Math.floor((bytes / STORAGE_LIMIT) * 100) };
}

/** Logs an error if a store is above the alarm. It still works: `/ready` names a database and stays at 200. */
export function reportFullness(store: string, bytes: number): Fullness | null {
  const fullness = findFullness(bytes);
  if (fullness !== null) log("error", "storage_fills_up", { store, ...fullness });
  return fullness;
}
