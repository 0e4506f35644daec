import { createOTP } from "@better-auth/utils/otp";
import { symmetricDecrypt } from "better-auth/crypto";
import { isRefusal, openAuthFor, type SignIn } from "../sign-in/auth.ts";

/** A second factor that is set up but not confirmed yet. */
export interface PendingFactor {
  /** Base32 (RFC 4648), as apps take it, in groups of four. */
  secret: string;
  /** `otpauth://totp/…`, the Key Uri Format that authenticator apps read. */
  uri: string;
}

/**
 * Makes a new secret, which counts once a code has confirmed it, and binds it to the browser session that gave the
 * password. Gives whether the password was right.
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
 * What has to be confirmed, or `null` when nothing was started in this browser session: another session of the same
 * person, which may be a stolen one, has not given the password for it.
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

/** The person's backup codes that are left. */
export async function readBackupCodes(env: Env, headers: Headers, userId: string): Promise<string[]> {
  const { api } = await openAuthFor(env, headers);
  return (await api.viewBackupCodes({ body: { userId } })).backupCodes;
}

/** New backup codes in place of all others, or `null` when the password was wrong. */
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

/** Turns it off. Gives the cookies of the session that goes on, or `null` when the password was wrong. */
export async function turnOff(env: Env, headers: Headers, password: string): Promise<string[] | null> {
  let cookies: string[] | null = null;
  await unlessRefused(async () => {
    const { api } = await openAuthFor(env, headers);
    const answer = await api.disableTwoFactor({ body: { password }, headers, returnHeaders: true });
    cookies = answer.headers.getSetCookie();
  });
  return cookies;
}

/** Whether this is the signed-in person's password. */
export function isPassword(env: Env, headers: Headers, password: string): Promise<boolean> {
  return unlessRefused(async () => {
    const { api } = await openAuthFor(env, headers);
    await api.verifyPassword({ body: { password }, headers });
  });
}

/** Ends the person's sessions that no second factor opened: whoever holds one gave a password at most. */
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
