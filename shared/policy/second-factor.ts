import type { CompiledRole } from "./compile.ts";

/** Milliseconds that a clock may go back before what it said earlier counts for nothing. */
const CLOCK_SLIP_MS = 60_000;

/** Whether a second factor given at `mfaAt` is at most `maxAgeMs` old at `at`; all in milliseconds. */
export function isFresh(mfaAt: number | null, maxAgeMs: number, at: number): boolean {
  if (mfaAt === null) return false;
  const age = at - mfaAt;
  // One that lies ahead says that the clock jumped back: its age is unknown.
  return age >= -CLOCK_SLIP_MS && age <= maxAgeMs;
}

/**
 * How fresh a second factor must be, in milliseconds, so that no condition of the role refuses an app that is connected
 * with it now; `null` when the role never asks for one.
 */
export function freshnessNeeded(role: CompiledRole | undefined): number | null {
  const ages = (role?.conditions ?? []).flatMap(({ requirements }) =>
    requirements.flatMap(({ maxFactorAgeMs }) => maxFactorAgeMs ?? []),
  );
  if (ages.length > 0) return Math.min(...ages);
  return role?.mfaRequired ? Number.POSITIVE_INFINITY : null;
}

/** An age in words: minutes, hours or days. */
export function tellAge(ms: number): string {
  const minutes = Math.max(Math.round(ms / 60_000), 0);
  if (minutes < 120) return minutes === 1 ? "1 minute" : `${minutes} minutes`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} hours` : `${Math.round(hours / 24)} days`;
}
