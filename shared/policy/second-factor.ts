import type { CompiledRole } from "./compile.ts";
import type { DecisionPrincipal, DecisionSubject } from "./decide.ts";

/** Milliseconds that a clock may go back before what it said earlier counts for nothing. */
const CLOCK_SLIP_MS = 60_000;

/** Whether a second factor given at `mfaAt` is at most `maxAgeMs` old at `at`; all in milliseconds. */
export function isFresh(mfaAt: number | null, maxAgeMs: number, at: number): boolean {
  if (mfaAt === null) return false;
  const age = at - mfaAt;
  // One that lies ahead says that the clock jumped back: nobody knows how old it is.
  return age >= -CLOCK_SLIP_MS && age <= maxAgeMs;
}

/** What stands in the way for want of a second factor, with the rule that asks for it; `null` for nothing. */
export function findFactorNeed(
  role: CompiledRole,
  place: string,
  { mfaAt, at }: DecisionPrincipal,
  { kind, name, effect }: DecisionSubject,
): { rule: string; reason: string } | null {
  if (role.mfaRequired && mfaAt === null) {
    return {
      rule: `${place}.mfa`,
      reason: "The person's role asks for a second factor, and this app was connected without one.",
    };
  }
  for (const { covers, mfaMaxAgeMs, rule, message } of role.conditions) {
    if (mfaMaxAgeMs === null || !covers(kind, name, effect) || isFresh(mfaAt, mfaMaxAgeMs, at)) continue;
    const has =
      mfaAt === null
        ? "this app was connected without one"
        : `the one this app was connected with is ${tellAge(at - mfaAt)} old`;
    return {
      rule,
      reason: `${message} This needs a second factor at most ${tellAge(mfaMaxAgeMs)} old; ${has}.`,
    };
  }
  return null;
}

/**
 * How fresh a second factor must be, in milliseconds, so that no condition of the role refuses an app that is connected
 * with it now; `null` when the role never asks for one.
 */
export function freshnessNeeded(role: CompiledRole | undefined): number | null {
  const ages = (role?.conditions ?? []).flatMap(({ mfaMaxAgeMs }) =>
    mfaMaxAgeMs === null ? [] : [mfaMaxAgeMs],
  );
  if (ages.length > 0) return Math.min(...ages);
  return role?.mfaRequired ? Number.POSITIVE_INFINITY : null;
}

function tellAge(ms: number): string {
  const minutes = Math.max(Math.round(ms / 60_000), 0);
  if (minutes < 120) return minutes === 1 ? "1 minute" : `${minutes} minutes`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} hours` : `${Math.round(hours / 24)} days`;
}
