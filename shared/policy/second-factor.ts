import type { CompiledRole } from "./compile.ts";

/** Milliseconds that a clock may go back before earlier times become invalid. */
const CLOCK_SLIP_MS = 60_000;

/**
 * Time of a second factor that was given at another system which does not say when: it counts as given, and is never
 * fresh.
 */
export const FACTOR_TIME_UNKNOWN = 0;

/** Whether a second factor given at `mfaAt` is at most `maxAgeMs` old at `at`; all in milliseconds. */
export function isFresh(mfaAt: number | null, maxAgeMs: number, at: number): boolean {
  if (mfaAt === null) return false;
  if (mfaAt === FACTOR_TIME_UNKNOWN) return maxAgeMs === Number.POSITIVE_INFINITY;
  const age = at - mfaAt;
  // A time in the future means that the clock jumped back: the age is unknown.
  return age >= -CLOCK_SLIP_MS && age <= maxAgeMs;
}

/**
 * Required freshness of a second factor, in milliseconds, so that no condition of the role refuses an app
 * connected with it now; `null` if the role never requires one.
 */
export function freshnessNeeded(role: CompiledRole | undefined): number | null {
  const ages = (role?.conditions ?? []).flatMap(({ requirements }) =>
    requirements.flatMap(({ maxFactorAgeMs }) => maxFactorAgeMs ?? []),
  );
  if (ages.length > 0) return Math.min(...ages);
  return role?.mfaRequired ? Number.POSITIVE_INFINITY : null;
}

/** A duration in words: minutes, hours or days. */
export function tellAge(ms: number): string {
  const minutes = Math.max(Math.round(ms / 60_000), 0);
  if (minutes < 120) return minutes === 1 ? "1 minute" : `${minutes} minutes`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} hours` : `${Math.round(hours / 24)} days`;
}
