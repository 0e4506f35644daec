import type { Outcome } from "../objects/principal-gate.ts";

/** Milliseconds that an outcome waits for the user's next call before it is sent alone. */
export const FLUSH_DELAY_MS = 75;

/** Milliseconds after which a scheduled flush counts as lost because its request or object has ended. */
const LATE_MS = 1_000;

interface Waiting {
  outcomes: Outcome[];
  /** Time of the newest outcome. */
  keptAt: number;
  /** Time at which a flush was scheduled; `null` without one. */
  flushScheduledAt: number | null;
}

/**
 * Unsent outcomes of this isolate, by user. Plain data: another request or object than the one whose call
 * ended may send them.
 */
const waiting = new Map<string, Waiting>();

/**
 * Buffers an outcome. Returns `true` when no flush is scheduled, so that the caller must schedule one; see
 * {@link flushDelay}.
 */
export function bufferOutcome(userId: string, outcome: Outcome, now: number): boolean {
  const known = waiting.get(userId) ?? { outcomes: [], keptAt: now, flushScheduledAt: null };
  waiting.set(userId, known);
  known.outcomes.push(outcome);
  known.keptAt = now;
  const age = known.flushScheduledAt === null ? LATE_MS : now - known.flushScheduledAt;
  if (age >= 0 && age < LATE_MS) return false;
  known.flushScheduledAt = now;
  return true;
}

/**
 * Milliseconds until the scheduled flush should check again; 0 means flush now.
 *
 * @param waited - milliseconds waited so far; bounds the delay if the clock stands still
 */
export function flushDelay(userId: string, now: number, waited = 0): number {
  const known = waiting.get(userId);
  if (known === undefined) return 0;
  const { outcomes, keptAt, flushScheduledAt } = known;
  const rest = keptAt + FLUSH_DELAY_MS - now;
  const late = flushScheduledAt === null || now - flushScheduledAt >= LATE_MS || waited >= LATE_MS;
  if (outcomes.length > 0 && rest > 0 && rest <= FLUSH_DELAY_MS && !late) return rest;
  known.flushScheduledAt = null;
  return 0;
}

/** Removes and returns a user's outcomes, to be sent now. */
export function takeOutcomes(userId: string): Outcome[] {
  const known = waiting.get(userId);
  if (known === undefined) return [];
  const { outcomes } = known;
  if (known.flushScheduledAt === null) waiting.delete(userId);
  else known.outcomes = [];
  return outcomes;
}

/** Buffers outcomes again after a failed send. The user's next call sends them. */
export function returnOutcomes(userId: string, outcomes: readonly Outcome[]): void {
  if (outcomes.length === 0) return;
  const known = waiting.get(userId) ?? { outcomes: [], keptAt: 0, flushScheduledAt: null };
  waiting.set(userId, known);
  known.outcomes.unshift(...outcomes);
}

/** Users with unsent outcomes in this isolate. */
export function listWaiting(): string[] {
  return [...waiting.keys()];
}
