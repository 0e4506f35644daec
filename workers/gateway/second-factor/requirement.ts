import type { Policy } from "../../../shared/policy/compile.ts";
import { FACTOR_TIME_UNKNOWN, freshnessNeeded, isFresh } from "../../../shared/policy/second-factor.ts";
import type { SignIn } from "../sign-in/auth.ts";
import { againTo } from "../sign-in/local-path.ts";

/** What a user has to do first: give a code, set up a second factor, or sign in again where they have one. */
export type MissingFactor = "code" | "set_up" | "sign_in";

/** Page for the missing factor, which then returns to `next`. */
export function pathToFactor(missing: MissingFactor, next: string): string {
  if (missing === "sign_in") return againTo(next);
  const page = missing === "code" ? "/sign-in/code" : "/account/second-factor";
  return `${page}?next=${encodeURIComponent(next)}`;
}

/**
 * What a user without a factor here does for a fresh one: signs in again where they gave theirs, or sets one up here when
 * that place does not say when it was given, because signing in there again would never be fresh.
 */
export function missingWithoutOwn(mfaAt: number | null): MissingFactor {
  return mfaAt === null || mfaAt === FACTOR_TIME_UNKNOWN ? "set_up" : "sign_in";
}

/**
 * Whether a person who has a second factor has not given it on this browser. The sign-in itself asks for a code of an
 * app alone, so a password, or a provider's word, opens a session of a person with a passkey.
 */
export function owesFactor({ hasSecondFactor, hasPasskey, mfaAt }: SignIn): boolean {
  return (hasSecondFactor || hasPasskey) && mfaAt === null;
}

/** Whether the user's role can do nothing without a second factor. */
export function requiresFactor(policy: Policy, role: string): boolean {
  return policy.roles.get(role)?.mfaRequired === true;
}

/**
 * What a signed-in user still needs for a connection that their role can use. A user with a second factor
 * gives one, fresh for every condition of the role, so that reconnecting resolves each such refusal; a user without one
 * must set one up only if the role requires it.
 */
export function missingToConnect(policy: Policy, signIn: SignIn, now: number): MissingFactor | null {
  const role = policy.roles.get(signIn.person.role);
  const needed = freshnessNeeded(role);
  if (needed === null) return owesFactor(signIn) ? "code" : null;
  if (isFresh(signIn.mfaAt, needed, now)) return null;
  if (signIn.hasSecondFactor || signIn.hasPasskey) return "code";
  // The second factor of their provider is too old.
  if (signIn.mfaAt !== null) return missingWithoutOwn(signIn.mfaAt);
  return role?.mfaRequired ? "set_up" : null;
}
