import { createOTP } from "@better-auth/utils/otp";
import { symmetricDecrypt } from "better-auth/crypto";
import { isRefusal, openAuthFor, type SignIn } from "../sign-in/auth.ts";

/** A second factor that is set up but not confirmed yet. */
export interface PendingFactor {
  /** Base32 (RFC 4648), the input format of apps, in groups of four. */
  secret: string;
  /** `otpauth://totp/…`, the Key Uri Format that authenticator apps read. */
  uri: string;
}

/**
 * Creates a secret, which becomes active once a code confirms it, and binds it to the browser session that
 * gave the password. Returns whether the password was correct.
 */
export function startEnrolment(
  env: Env,
  headers: Headers,
  { person, sessionId }: SignIn,
  password: string,
): Promise<boolean> {
  return unlessRefused(async () => {
    const { api } = await openAuthFor(env, headers);
    await api.enableTwoFactor({ body: { password }, headers });
    await env.PLATFORM_DB.prepare(`UPDATE "twoFactor" SET "startedIn" = ? WHERE "userId" = ?`)
      .bind(sessionId, person.id)
      .run();
  });
}

/**
 * The unconfirmed secret, or `null` if this browser session started none: another session of the same user,
 * which may be stolen, has not given the password for it.
 */
export async function readPending(env: Env, headers: Headers, signIn: SignIn): Promise<PendingFactor | null> {
  const found = await env.PLATFORM_DB.prepare(
    `SELECT "secret" FROM "twoFactor" WHERE "userId" = ? AND "startedIn" = ? AND "verified" = 0`,
  )
    .bind(signIn.person.id, signIn.sessionId)
    .first<{ secret: string }>();
  if (found === null) return null;
  const auth = await openAuthFor(env, headers);
  const { secretConfig } = await auth.$context;
  const uri = createOTP(await symmetricDecrypt({ key: secretConfig, data: found.secret })).url(
    "Gatehouse",
    signIn.person.email,
  );
  const secret = new URL(uri).searchParams.get("secret") ?? "";
  return { secret: secret.replaceAll(/(.{4})(?=.)/g, "$1 "), uri };
}

/** The user's remaining backup codes. */
export async function readBackupCodes(env: Env, headers: Headers, userId: string): Promise<string[]> {
  const { api } = await openAuthFor(env, headers);
  return (await api.viewBackupCodes({ body: { userId } })).backupCodes;
}

/** New backup codes that replace all others, or `null` if the password was wrong. */
export async function replaceBackupCodes(
  env: Env,
  headers: Headers,
  password: string,
): Promise<string[] | null> {
  let codes: string[] | null = null;
  await unlessRefused(async () => {
    const { api } = await openAuthFor(env, headers);
    codes = (await api.generateBackupCodes({ body: { password }, headers })).backupCodes;
  });
  return codes;
}

/**
 * Turns the second factor off. Returns the cookies of the continued session, or `null` if the password was
 * wrong.
 */
export async function turnOff(env: Env, headers: Headers, password: string): Promise<string[] | null> {
  let cookies: string[] | null = null;
  await unlessRefused(async () => {
    const { api } = await openAuthFor(env, headers);
    const answer = await api.disableTwoFactor({ body: { password }, headers, returnHeaders: true });
    cookies = answer.headers.getSetCookie();
  });
  return cookies;
}

/** Whether this is the signed-in user's password. */
export function isPassword(env: Env, headers: Headers, password: string): Promise<boolean> {
  return unlessRefused(async () => {
    const { api } = await openAuthFor(env, headers);
    await api.verifyPassword({ body: { password }, headers });
  });
}

/** Ends the user's sessions without a second factor: their holder gave only a password. */
export async function endOtherSessions(database: D1Database, userId: string): Promise<void> {
  await database.prepare(`DELETE FROM "session" WHERE "userId" = ? AND "mfaAt" IS NULL`).bind(userId).run();
}

async function unlessRefused(work: () => Promise<void>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (failure) {
    if (isRefusal(failure)) return false;
    throw failure;
  }
}
