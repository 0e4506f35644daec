import type { Context } from "hono";
import { policyInForce } from "../../../shared/policy/current.ts";
import { isFresh } from "../../../shared/policy/second-factor.ts";
import { admitAttempt, resetAttempts } from "../limits/attempts.ts";
import { countedAddress } from "../limits/counted-address.ts";
import { hasPassword } from "../people.ts";
import { isPassword } from "../second-factor/enrolment.ts";
import { type MissingFactor, missingWithoutOwn, requiresFactor } from "../second-factor/requirement.ts";
import { PASSWORD_LENGTH, type SignIn } from "../sign-in/auth.ts";
import { listSignInRules } from "../sign-in/routes.tsx";

/** Milliseconds that a second factor counts for making or rotating a key. */
const FRESH_MS = 15 * 60_000;

/**
 * What a person must do before a key is made: a key outlives the browser's sign-in by far, so a stolen session alone must
 * not make one. A person with a second factor gives a fresh one, here or where they sign in; a person without types the
 * password, or has just proved at their provider who they are, unless their role requires a second factor.
 */
export async function missingForKey(env: Env, signIn: SignIn): Promise<MissingFactor | "password" | null> {
  const { hasSecondFactor, hasPasskey, mfaAt, at, person } = signIn;
  const now = Date.now();
  if (isFresh(mfaAt, FRESH_MS, now)) return null;
  if (hasSecondFactor || hasPasskey) return "code";
  if (requiresFactor(await policyInForce(env), person.role)) return missingWithoutOwn(mfaAt);
  if (await hasPassword(env.PLATFORM_DB, person.id)) return "password";
  if (isFresh(at.getTime(), FRESH_MS, now)) return null;
  // A provider that does not say when it asked the person last cannot say that it was just now.
  return at.getTime() === 0 ? "set_up" : "sign_in";
}

/** Checks a typed password, with the counters of sign-in. A sentence for the person, or `null` if it is right. */
export async function refusePassword<E extends { Bindings: Env }>(
  c: Context<E>,
  { person }: SignIn,
  password: string,
): Promise<{ text: string; status: 422 | 429 } | null> {
  const { headers } = c.req.raw;
  const rules = listSignInRules(person.email, countedAddress(headers));
  const admission = await admitAttempt(c.env, rules, Date.now());
  if (!admission.admitted) {
    c.header("Retry-After", String(admission.retryAfter));
    return { text: "Too many attempts. Try again later.", status: 429 };
  }
  if (!(await isPassword(c.env, headers, password.slice(0, PASSWORD_LENGTH.max + 1)))) {
    return { text: "The password is wrong.", status: 422 };
  }
  await resetAttempts(c.env, rules);
  return null;
}
