import type { Context } from "hono";
import { getCookie } from "hono/cookie";
import { type AttemptRule, admitAttempt, resetAttempts } from "../limits/attempts.ts";
import { countedAddress } from "../limits/counted-address.ts";
import { recordEvent } from "../record-event.ts";
import { challengeCookieOf, openAuthFor, type SignIn } from "../sign-in/auth.ts";

type GatewayContext = Context<{ Bindings: Env }>;

/**
 * Milliseconds that a used code is remembered: longer than the library accepts it (three steps of 30
 * seconds).
 */
const CODE_MEMORY_MS = 2 * 60_000;
/** Most characters of a code. */
const CODE_LENGTH = 32;

/** Result of a code check. `ended`: the sign-in is no longer pending, and the user has to sign in again. */
export type CodeAnswer =
  | { kind: "passed"; userId: string; cookies: string[] }
  | { kind: "wrong" }
  | { kind: "used" }
  | { kind: "limited"; retryAfter: number }
  | { kind: "ended" };

/** The user whose second factor is requested: signed in, or with a correct password just given. */
export interface Claimant {
  userId: string;
  signedIn: boolean;
}

/** The user whose code is accepted on this browser, or `null`. */
export async function findClaimant(c: GatewayContext, signIn: SignIn | null): Promise<Claimant | null> {
  if (signIn !== null) return { userId: signIn.person.id, signedIn: true };
  // The cookie is `<identifier>.<signature>`; the identifier alone cannot be guessed, and the library checks
  // the signature.
  const identifier = getCookie(c, challengeCookieOf(c.env.PUBLIC_URL))?.split(".")[0] ?? "";
  if (!identifier.startsWith("2fa-")) return null;
  const row = await c.env.PLATFORM_DB.prepare(
    `SELECT "value" FROM "verification" WHERE "identifier" = ? AND "expiresAt" > ?`,
  )
    .bind(identifier, new Date().toISOString())
    .first<{ value: string }>();
  return row === null ? null : { userId: row.value, signedIn: false };
}

/**
 * Checks a code of the authenticator app or a backup code, and records the result. Attempts are counted
 * before the library is called, which also locks an account for 15 minutes after ten wrong codes in a row at
 * sign-in. Both kinds of codes are valid once (RFC 6238 §5.2). For a signed-in user the second factor of this
 * browser is then fresh; for others the cookies complete the sign-in.
 */
export async function checkCode(c: GatewayContext, claimant: Claimant, typed: string): Promise<CodeAnswer> {
  const { userId } = claimant;
  const code = typed.replaceAll(/\s/g, "").slice(0, CODE_LENGTH);
  const isTotp = /^\d{6}$/.test(code);
  const rules = listCodeRules(userId, countedAddress(c.req.raw.headers));
  const admission = await admitAttempt(c.env, rules, Date.now());
  if (!admission.admitted) return { kind: "limited", retryAfter: admission.retryAfter };
  if (isTotp && !(await claimCode(c.env, userId, code))) return { kind: "used" };

  const answer = await askLibrary(c, claimant, { code, isTotp });
  if (answer.kind === "passed") await resetAttempts(c.env, rules);
  if (answer.kind === "passed" || answer.kind === "wrong") {
    const step = answer.kind === "passed" ? "passed" : "failed";
    await recordEvent(c, userId, { type: "second_factor", step });
  }
  return answer;
}

/**
 * Tight per address, wider per user from all addresses, so that an attacker cannot easily lock a user out.
 */
function listCodeRules(userId: string, ip: string): AttemptRule[] {
  const windowMs = 15 * 60_000;
  return [
    { subject: `second-factor|${userId}|${ip}`, limit: 5, windowMs },
    { subject: `second-factor|${userId}`, limit: 20, windowMs },
  ];
}

/**
 * Whether this code was not entered for this user within the last minutes. Of parallel claims one succeeds.
 */
async function claimCode(env: Env, userId: string, code: string): Promise<boolean> {
  const once = { subject: `second-factor-code|${userId}|${code}`, limit: 1, windowMs: CODE_MEMORY_MS };
  return (await admitAttempt(env, [once], Date.now())).admitted;
}

async function askLibrary(
  c: GatewayContext,
  { userId, signedIn }: Claimant,
  { code, isTotp }: { code: string; isTotp: boolean },
): Promise<CodeAnswer> {
  const { headers } = c.req.raw;
  const { api } = await openAuthFor(c.env, headers);
  const request = { body: { code }, headers, returnHeaders: true } as const;
  try {
    const answer = isTotp ? await api.verifyTOTP(request) : await api.verifyBackupCode(request);
    if (signedIn) await noteFactor(c.env.PLATFORM_DB, answer.response.token);
    return { kind: "passed", userId, cookies: answer.headers.getSetCookie() };
  } catch (failure) {
    const kind = REFUSALS[codeOf(failure)];
    if (kind === undefined) throw failure;
    return kind === "limited" ? { kind, retryAfter: 15 * 60 } : { kind };
  }
}

/** Meaning of the library's refusals for the user. */
const REFUSALS: Readonly<Record<string, Exclude<CodeAnswer["kind"], "passed" | "used">>> = {
  INVALID_CODE: "wrong",
  INVALID_BACKUP_CODE: "wrong",
  // Two requests used backup codes at the same time; this one lost.
  CONFLICT: "wrong",
  ACCOUNT_TEMPORARILY_LOCKED: "limited",
  INVALID_TWO_FACTOR_COOKIE: "ended",
  TOO_MANY_ATTEMPTS_REQUEST_NEW_CODE: "ended",
  TOTP_NOT_ENABLED: "ended",
  BACKUP_CODES_NOT_ENABLED: "ended",
  // The user was disabled between password and code.
  FAILED_TO_CREATE_SESSION: "ended",
};

function codeOf(failure: unknown): string {
  if (!(failure instanceof Error)) return "";
  const { body, status } = failure as { body?: { code?: unknown }; status?: unknown };
  return String(body?.code ?? status ?? "");
}

async function noteFactor(database: D1Database, token: string | undefined): Promise<void> {
  await database
    .prepare(`UPDATE "session" SET "mfaAt" = ? WHERE "token" = ?`)
    .bind(Date.now(), token ?? "")
    .run();
}
