import type { Outcome } from "../objects/principal-gate.ts";

/** Milliseconds that an outcome waits for a next call of its person before it travels alone. */
export const FLUSH_DELAY_MS = 75;

/** Milliseconds after which whoever undertook to send outcomes on is taken for gone: its request or object ended. */
const LATE_MS = 1_000;

interface Waiting {
  outcomes: Outcome[];
  /** When the newest of them came. */
  keptAt: number;
  /** When somebody undertook to send them on; `null` when nobody did. */
  flushScheduledAt: number | null;
}

/**
 * Outcomes of this isolate that are not on their way yet, by user. Plain data: the request or object that sends them
 * need not be the one whose call ended.
 */
const waiting = new Map<string, Waiting>();

/** Keeps an outcome. `true` when nobody has undertaken yet to send it on, so that the caller has to: see {@link flushDelay}. */
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
 * Milliseconds that whoever undertook to send a user's outcomes on has to wait before it looks again; 0 when it is to
 * send now what is there, and has nothing to do any more.
 *
 * @param waited - milliseconds that it has waited already, whatever the clock says: one that stands still must not keep
 *   outcomes for ever
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

/** Takes a user's outcomes away, to be sent on now. */
export function takeOutcomes(userId: string): Outcome[] {
  const known = waiting.get(userId);
  if (known === undefined) return [];
  const { outcomes } = known;
  if (known.flushScheduledAt === null) waiting.delete(userId);
  else known.outcomes = [];
  return outcomes;
}

/** Puts outcomes back whose way failed. Whoever keeps or takes the next one takes them along. */
export function returnOutcomes(userId: string, outcomes: readonly Outcome[]): void {
  if (outcomes.length === 0) return;
  const known = waiting.get(userId) ?? { outcomes: [], keptAt: 0, flushScheduledAt: null };
  waiting.set(userId, known);
  known.outcomes.unshift(...outcomes);
}

/** The users who have outcomes here. */
export function listWaiting(): string[] {
  return [...waiting.keys()];
}
