import { type Context, Hono } from "hono";
import { policyInForce } from "../../../shared/policy/current.ts";
import { isFresh } from "../../../shared/policy/second-factor.ts";
import { admitAttempt, resetAttempts } from "../limits/attempts.ts";
import { countedAddress } from "../limits/counted-address.ts";
import { refuseManyForms } from "../limits/limit-person.ts";
import { hasPassword } from "../people.ts";
import { readForm } from "../read-form.ts";
import { recordEvent, recordSignIn } from "../record-event.ts";
import { PASSWORD_LENGTH, readSignIn, type SignIn } from "../sign-in/auth.ts";
import { toLocalPath } from "../sign-in/local-path.ts";
import { listSignInRules } from "../sign-in/routes.tsx";
import { whomToAsk } from "../whom-to-ask.ts";
import { type CodeAnswer, checkCode, findClaimant } from "./check-code.ts";
import { CodePage } from "./code-page.tsx";
import {
  endOtherSessions,
  isPassword,
  readBackupCodes,
  readPending,
  replaceBackupCodes,
  startEnrolment,
  turnOff,
} from "./enrolment.ts";
import { requiresFactor } from "./requirement.ts";
import { BackupCodesPage, ConfirmPage, ManagePage, type Notice, StartPage } from "./set-up-page.tsx";

type GatewayContext = Context<{ Bindings: Env }>;
type Refused = Exclude<CodeAnswer, { kind: "passed" }> | { kind: "password" } | { kind: "stale" };

/** Milliseconds since the session began within which a person without a password may set a factor up. */
const FRESH_MS = 15 * 60_000;

const HOME = "/account";
const PLACE = "/account/second-factor";

/** `/sign-in/code` and `/account/second-factor`. */
export const secondFactorRoutes = new Hono<{ Bindings: Env }>();

// These pages serve a person who has not given their factor yet, whom `requirePerson` would send away.
secondFactorRoutes.use(`${PLACE}/*`, async (c, next) => {
  const signIn = c.req.method === "POST" ? await readSignIn(c.env, c.req.raw.headers) : null;
  const refused = signIn && (await refuseManyForms(c, signIn));
  if (refused) return refused;
  return await next();
});

secondFactorRoutes.get("/sign-in/code", async (c) => {
  const next = toLocalPath(c.req.query("next"), c.env.PUBLIC_URL, HOME);
  const signIn = await readSignIn(c.env, c.req.raw.headers);
  if (signIn !== null && !signIn.hasSecondFactor) {
    return c.redirect(withNext(signIn.hasPasskey ? "/sign-in/passkey" : PLACE, next), 303);
  }
  if ((await findClaimant(c, signIn)) === null) return c.redirect(withNext("/sign-in", next), 303);
  const backup = c.req.query("with") === "backup";
  return c.html(
    <CodePage next={next} backup={backup} signedIn={signIn !== null} contact={await whomToAsk(c.env)} />,
  );
});

secondFactorRoutes.post("/sign-in/code", async (c) => {
  const form = await readForm(c.req.raw);
  const next = toLocalPath(form.get("next"), c.env.PUBLIC_URL, HOME);
  const signIn = await readSignIn(c.env, c.req.raw.headers);
  const claimant = await findClaimant(c, signIn);
  if (claimant === null) return c.redirect(withNext("/sign-in", next), 303);
  const answer = await checkCode(c, claimant, form.get("code") ?? "");
  if (answer.kind === "ended") return c.redirect(withNext("/sign-in", next), 303);
  if (answer.kind !== "passed") {
    const contact = await whomToAsk(c.env);
    const page = { next, backup: form.get("with") === "backup", signedIn: claimant.signedIn, contact };
    const isWrongBackup = page.backup && answer.kind === "wrong";
    const error = isWrongBackup ? "This code is wrong or was used. Enter another one." : explain(c, answer);
    return c.html(<CodePage {...page} error={error} />, statusOf(answer));
  }
  keepCookies(c, answer.cookies);
  if (!claimant.signedIn) {
    const email = await findEmail(c.env.PLATFORM_DB, answer.userId);
    await recordSignIn(c, email, true);
    await resetAttempts(c.env, signInRules(c, email));
  }
  return c.redirect(next, 303);
});

secondFactorRoutes.get(PLACE, async (c) => {
  const signIn = await readSignIn(c.env, c.req.raw.headers);
  const next = toLocalPath(c.req.query("next"), c.env.PUBLIC_URL, HOME);
  if (signIn === null) return c.redirect(withNext("/sign-in", PLACE), 303);
  return await showPlace(c, signIn, next);
});

secondFactorRoutes.post(`${PLACE}/start`, async (c) => {
  const form = await readForm(c.req.raw);
  const next = toLocalPath(form.get("next"), c.env.PUBLIC_URL, HOME);
  const signIn = await readSignIn(c.env, c.req.raw.headers);
  if (signIn === null) return c.redirect(withNext("/sign-in", PLACE), 303);
  // An active factor must be turned off with a code first: a password alone must not replace it.
  if (signIn.hasSecondFactor) return c.redirect(PLACE, 303);
  // A password alone must not add a factor to a passkey: who stole it would have both.
  if (signIn.hasPasskey && !isFresh(signIn.mfaAt, FRESH_MS, Date.now())) {
    return c.redirect(withNext("/sign-in/passkey", PLACE), 303);
  }
  const wrong = await checkPassword(c, signIn, form.get("password") ?? "");
  if (wrong !== null) return await showRefused(c, signIn, next, wrong);
  await startEnrolment(c.env, c.req.raw.headers, signIn, form.get("password") ?? "");
  await recordEvent(c, signIn.person.id, { type: "second_factor", step: "started" });
  return c.redirect(withNext(PLACE, next), 303);
});

secondFactorRoutes.post(`${PLACE}/confirm`, async (c) => {
  const form = await readForm(c.req.raw);
  const next = toLocalPath(form.get("next"), c.env.PUBLIC_URL, HOME);
  const signIn = await readSignIn(c.env, c.req.raw.headers);
  if (signIn === null) return c.redirect(withNext("/sign-in", PLACE), 303);
  const { headers } = c.req.raw;
  const userId = signIn.person.id;
  const code = (form.get("code") ?? "").replaceAll(/\s/g, "");
  if (signIn.hasSecondFactor || (await readPending(c.env, headers, signIn)) === null) {
    return c.redirect(withNext(PLACE, next), 303);
  }
  // The backup codes have not been shown yet, so they cannot confirm the set-up.
  const answer: CodeAnswer = /^\d{6}$/.test(code)
    ? await checkCode(c, { userId, signedIn: true }, code)
    : { kind: "wrong" };
  if (answer.kind !== "passed") return await showRefused(c, signIn, next, answer);
  keepCookies(c, answer.cookies);
  await endOtherSessions(c.env.PLATFORM_DB, userId);
  await recordEvent(c, userId, { type: "second_factor", step: "enrolled" });
  return c.html(<BackupCodesPage codes={await readBackupCodes(c.env, headers, userId)} next={next} />);
});

secondFactorRoutes.post(`${PLACE}/codes`, (c) =>
  withBoth(c, async (signIn, password) => {
    const codes = await replaceBackupCodes(c.env, c.req.raw.headers, password);
    if (codes === null) return c.redirect(PLACE, 303);
    await recordEvent(c, signIn.person.id, { type: "second_factor", step: "new_codes" });
    return c.html(<BackupCodesPage codes={codes} next={HOME} />);
  }),
);

secondFactorRoutes.post(`${PLACE}/off`, (c) =>
  withBoth(c, async (signIn, password) => {
    if (requiresFactor(await policyInForce(c.env), signIn.person.role)) return c.redirect(PLACE, 303);
    const cookies = await turnOff(c.env, c.req.raw.headers, password);
    if (cookies === null) return c.redirect(PLACE, 303);
    keepCookies(c, cookies);
    await recordEvent(c, signIn.person.id, { type: "second_factor", step: "turned_off" });
    return c.redirect("/account?done=second-factor-off", 303);
  }),
);

/**
 * Continues if a user with a second factor gave both password and code. The code is checked last, because
 * checking consumes it.
 */
async function withBoth(
  c: GatewayContext,
  work: (signIn: SignIn, password: string) => Promise<Response>,
): Promise<Response> {
  const form = await readForm(c.req.raw);
  const signIn = await readSignIn(c.env, c.req.raw.headers);
  if (signIn === null) return c.redirect(withNext("/sign-in", PLACE), 303);
  if (!signIn.hasSecondFactor) return c.redirect(PLACE, 303);
  const password = form.get("password") ?? "";
  const wrong = await checkPassword(c, signIn, password);
  if (wrong !== null) return await showRefused(c, signIn, HOME, wrong);
  const claimant = { userId: signIn.person.id, signedIn: true };
  const answer = await checkCode(c, claimant, form.get("code") ?? "");
  if (answer.kind === "passed") return await work(signIn, password);
  return await showRefused(c, signIn, HOME, answer);
}

/** `null` for the correct password, or for a person without one who has just signed in. A stolen session must not allow guessing it: same counters as sign-in. */
async function checkPassword(
  c: GatewayContext,
  { person, since, hasSecondFactor }: SignIn,
  password: string,
): Promise<Refused | null> {
  if (!(await hasPassword(c.env.PLATFORM_DB, person.id))) {
    // The code that follows is enough for a person who has a factor; another one has just signed in elsewhere.
    return hasSecondFactor || isFresh(since.getTime(), FRESH_MS, Date.now()) ? null : { kind: "stale" };
  }
  const rules = signInRules(c, person.email);
  const admission = await admitAttempt(c.env, rules, Date.now());
  if (!admission.admitted) return { kind: "limited", retryAfter: admission.retryAfter };
  const typed = password.slice(0, PASSWORD_LENGTH.max + 1);
  if (!(await isPassword(c.env, c.req.raw.headers, typed))) return { kind: "password" };
  await resetAttempts(c.env, rules);
  return null;
}

/** The page for the current state of the user's second factor. */
async function showPlace(
  c: GatewayContext,
  signIn: SignIn,
  next: string,
  notice?: Notice,
  status: 200 | 422 | 429 = 200,
): Promise<Response> {
  const { headers } = c.req.raw;
  const required = requiresFactor(await policyInForce(c.env), signIn.person.role);
  const asksPassword = await hasPassword(c.env.PLATFORM_DB, signIn.person.id);
  if (signIn.hasSecondFactor) {
    const left = (await readBackupCodes(c.env, headers, signIn.person.id)).length;
    const props = { left, required, asksPassword, notice };
    return c.html(<ManagePage {...props} />, status);
  }
  const pending = await readPending(c.env, headers, signIn);
  if (pending !== null) {
    return c.html(<ConfirmPage next={next} pending={pending} notice={notice} />, status);
  }
  const asked: Notice | undefined = required
    ? { tone: "caution", text: "Your role asks for a second factor before an app can be connected." }
    : undefined;
  const isStale = !asksPassword && !isFresh(signIn.since.getTime(), FRESH_MS, Date.now());
  const confirm = asksPassword ? "password" : isStale ? "sign_in" : "none";
  return c.html(<StartPage next={next} confirm={confirm} notice={notice ?? asked} />, status);
}

function showRefused(c: GatewayContext, signIn: SignIn, next: string, refused: Refused): Promise<Response> {
  return showPlace(c, signIn, next, { tone: "danger", text: explain(c, refused) }, statusOf(refused));
}

function explain(c: GatewayContext, answer: Refused): string {
  switch (answer.kind) {
    case "wrong":
      return "This code is wrong or has expired. Enter the newest one.";
    case "used":
      return "This code has been entered already. Wait for the next one.";
    case "limited": {
      c.header("Retry-After", String(answer.retryAfter));
      const minutes = Math.ceil(answer.retryAfter / 60);
      return `Too many attempts. Try again in ${minutes} ${minutes === 1 ? "minute" : "minutes"}.`;
    }
    case "password":
      return "The password is wrong.";
    case "stale":
      return "Your sign-in is more than 15 minutes old. Sign in again first.";
    case "ended":
      return "No sign-in waits for a code any more. Start again.";
  }
}

function statusOf(answer: Refused): 422 | 429 {
  return answer.kind === "limited" ? 429 : 422;
}

function signInRules(c: GatewayContext, email: string) {
  return listSignInRules(email, countedAddress(c.req.raw.headers));
}

async function findEmail(database: D1Database, userId: string): Promise<string> {
  const row = await database
    .prepare(`SELECT "email" FROM "user" WHERE "id" = ?`)
    .bind(userId)
    .first<{ email: string }>();
  return row?.email ?? "";
}

function keepCookies(c: GatewayContext, cookies: readonly string[]): void {
  for (const cookie of cookies) c.header("Set-Cookie", cookie, { append: true });
}

function withNext(path: string, next: string): string {
  return `${path}?next=${encodeURIComponent(next)}`;
}
