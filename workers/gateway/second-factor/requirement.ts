import type { Policy } from "../../../shared/policy/compile.ts";
import { freshnessNeeded, isFresh } from "../../../shared/policy/second-factor.ts";
import type { SignIn } from "../sign-in/auth.ts";

/** What a person has to do first: give a code, or set a second factor up. */
export type MissingFactor = "code" | "set_up";

/** Where a person does what is missing, and then comes back to `next`. */
export function pathToFactor(missing: MissingFactor, next: string): string {
  const page = missing === "code" ? "/sign-in/code" : "/account/second-factor";
  return `${page}?next=${encodeURIComponent(next)}`;
}

/** Whether the person's role does nothing without a second factor. */
export function requiresFactor(policy: Policy, role: string): boolean {
  return policy.roles.get(role)?.mfaRequired === true;
}

/**
 * What stands between a sign-in and a connection that the person's role can use. Who has a second factor gives one that
 * is fresh for every condition of the role, so that connecting anew is the way out of each refusal; who has none is
 * asked to set one up only where the role requires it.
 */
export function missingToConnect(policy: Policy, signIn: SignIn, now: number): MissingFactor | null {
  const role = policy.roles.get(signIn.person.role);
  const needed = freshnessNeeded(role);
  if (needed === null || isFresh(signIn.mfaAt, needed, now)) return null;
  if (signIn.hasSecondFactor) return "code";
  return role?.mfaRequired ? "set_up" : null;
}
