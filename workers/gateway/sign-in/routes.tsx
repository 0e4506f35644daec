import { Hono } from "hono";
import { policyInForce } from "../../../shared/policy/current.ts";
import { providerOfEmail } from "../../../shared/policy/sign-in/sign-in.ts";
import { type AttemptRule, admitAttempt, resetAttempts } from "../limits/attempts.ts";
import { countedAddress } from "../limits/counted-address.ts";
import { limitVisitors } from "../limits/limit-address.ts";
import { readForm } from "../read-form.ts";
import { recordChallenge, recordEvent, recordSignIn } from "../record-event.ts";
import { findLastProvider, findSignOut } from "../single-sign-on/sign-out.ts";
import { EMAIL_LENGTH, isRefusal, openAuth, openAuthFor, PASSWORD_LENGTH, readPerson } from "./auth.ts";
import { toLocalPath } from "./local-path.ts";
import { LeadOnPage, pathTo, SignedOutPage, SignInPage } from "./sign-in-page.tsx";

const AFTER_SIGN_IN = "/account";
const AFTER_SIGN_OUT = "/sign-in";
/** The same text for an unknown address, a wrong password and a disabled user. */
const FAILED = "E-mail or password is wrong.";

/** `/sign-in` and `/sign-out`. */
export const signInRoutes = new Hono<{ Bindings: Env }>();

/** A company's people may share an address. */
const SIGN_OUTS_PER_MINUTE = 300;

signInRoutes.get("/sign-in", async (c) => {
  const next = toLocalPath(c.req.query("next"), c.env.PUBLIC_URL, AFTER_SIGN_IN);
  const fresh = c.req.query("fresh") === "1";
  if (!fresh && (await readPerson(c.env, c.req.raw.headers)) !== null) return c.redirect(next, 303);
  return c.html(<SignInPage next={next} fresh={fresh} rules={(await policyInForce(c.env)).signIn} />);
});

signInRoutes.post("/sign-in", async (c) => {
  const form = await readForm(c.req.raw);
  const next = toLocalPath(form.get("next"), c.env.PUBLIC_URL, AFTER_SIGN_IN);
  const email = (form.get("email") ?? "")
    .trim()
    .toLowerCase()
    .slice(0, EMAIL_LENGTH + 1);
  const password = form.get("password") ?? "";
  const fresh = form.get("fresh") === "1";
  const { signIn } = await policyInForce(c.env);
  const again = (error: string, status: 401 | 403 | 429) =>
    c.html(<SignInPage next={next} fresh={fresh} rules={signIn} email={email} error={error} />, status);
  // Says nothing about accounts: it goes by the domain alone.
  const provider = providerOfEmail(signIn, email);
  if (provider !== null) {
    const href = pathTo(provider, next, fresh);
    c.header("Refresh", `0; url=${href}`);
    return c.html(<LeadOnPage title={signIn.providers.get(provider)?.title ?? provider} href={href} />);
  }
  if (!signIn.passwordAllowed)
    return await again("People sign in with one of the ways above here, and not with a password.", 403);

  const rules = listSignInRules(email, countedAddress(c.req.raw.headers));
  const admission = await admitAttempt(c.env, rules, Date.now());
  if (!admission.admitted) {
    c.header("Retry-After", String(admission.retryAfter));
    const minutes = Math.ceil(admission.retryAfter / 60);
    const error = `Too many attempts. Try again in ${minutes} ${minutes === 1 ? "minute" : "minutes"}.`;
    return await again(error, 429);
  }

  const answer = await checkPassword(c.env, c.req.raw.headers, email, password);
  if (answer?.challenged) await recordChallenge(c, email);
  else await recordSignIn(c, email, answer !== null);
  if (answer === null) return await again(FAILED, 401);
  for (const cookie of answer.cookies) c.header("Set-Cookie", cookie, { append: true });
  // The counters are reset once the second factor is correct too.
  if (answer.challenged) return c.redirect(`/sign-in/code?next=${encodeURIComponent(next)}`, 303);
  await resetAttempts(c.env, rules);
  return c.redirect(next, 303);
});

const limitSignOuts = limitVisitors(
  { what: "sign-out", limit: SIGN_OUTS_PER_MINUTE, windowMs: 60_000 },
  { message: "Too many people sign out at this address.", action: "Wait a minute, then try again." },
);

signInRoutes.post("/sign-out", limitSignOuts, async (c) => {
  const form = await readForm(c.req.raw);
  const next = toLocalPath(form.get("next"), c.env.PUBLIC_URL, "");
  const auth = await openAuthFor(c.env, c.req.raw.headers);
  const person = await readPerson(c.env, c.req.raw.headers);
  const { headers } = await auth.api.signOut({ headers: c.req.raw.headers, returnHeaders: true });
  if (person !== null) await recordEvent(c, person.id, { type: "sign_out" });
  for (const cookie of headers.getSetCookie()) c.header("Set-Cookie", cookie, { append: true });
  // To sign in as another person, or to show that it is the same: the session of a provider does not count then.
  if (next !== "") return c.redirect(`/sign-in?next=${encodeURIComponent(next)}&fresh=1`, 303);
  const elsewhere = await findSignOut(c, await findLastProvider(c));
  return elsewhere === null ? c.redirect(AFTER_SIGN_OUT, 303) : c.html(<SignedOutPage {...elsewhere} />);
});

/**
 * Limits on guessing: tight per address and account, wider per address over all accounts and per account over
 * all addresses, so that an attacker cannot easily lock a user out.
 */
export function listSignInRules(email: string, ip: string): AttemptRule[] {
  const windowMs = 15 * 60_000;
  return [
    { subject: `sign-in|${email}|${ip}`, limit: 5, windowMs },
    { subject: `sign-in|ip|${ip}`, limit: 50, windowMs },
    { subject: `sign-in|email|${email}`, limit: 50, windowMs },
  ];
}

/**
 * Calls better-auth, which hashes the typed password for unknown addresses too, so that both responses take
 * the same time. Returns the session's cookies, or those of the challenge for a user with a second factor, or
 * `null` if sign-in is refused.
 */
async function checkPassword(
  env: Env,
  headers: Headers,
  email: string,
  password: string,
): Promise<{ cookies: string[]; challenged: boolean } | null> {
  try {
    const result = await openAuth(env).api.signInEmail({
      body: { email, password: password.slice(0, PASSWORD_LENGTH.max + 1) },
      headers,
      returnHeaders: true,
    });
    return { cookies: result.headers.getSetCookie(), challenged: "twoFactorRedirect" in result.response };
  } catch (failure) {
    if (isRefusal(failure)) return null;
    throw failure;
  }
}
