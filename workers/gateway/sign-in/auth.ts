import { betterAuth } from "better-auth/minimal";
import { twoFactor } from "better-auth/plugins/two-factor";
import { type Key, openKeyring } from "../../../shared/auth/keyring.ts";
import { bundledPolicy } from "../../../shared/policy/bundled.ts";
import { hasPasskey } from "../passkeys/own-passkeys.ts";
import type { Person } from "../people.ts";
import { createD1Adapter } from "./d1-adapter.ts";
import { OPENED, sessionOpener } from "./session-opener.ts";

/** Seconds that a browser stays signed in, from sign-in. Fixed, not sliding. */
const SESSION_TTL = 12 * 60 * 60;
/** Length of a password that a user chooses, in characters. */
export const PASSWORD_LENGTH = { min: 12, max: 128 } as const;
/** Longest e-mail address (RFC 5321 §4.5.3.1.3). */
export const EMAIL_LENGTH = 254;

/** Cookie between the correct password and the second factor. */
const CHALLENGE_COOKIE = "gatehouse-second-factor";
/** Seconds within which the second factor must follow the password. */
const CHALLENGE_TTL = 10 * 60;

/** A user's sign-in on one browser. */
export interface SignIn {
  person: Person;
  /** Id of the browser's session. Not secret: the cookie holds another value. */
  sessionId: string;
  /** When the person last proved who they are: with the password, or at the system that vouches for them. */
  at: Date;
  /** When this browser's session began. */
  since: Date;
  /** Time of the last second factor on this browser, in milliseconds since the epoch; `null` for never. */
  mfaAt: number | null;
  /** Whether the user has set an authenticator app up. */
  hasSecondFactor: boolean;
  /** Whether the user has a passkey, which is a second factor too. */
  hasPasskey: boolean;
}

type Auth = ReturnType<typeof buildAuth>;

const instances = new WeakMap<Env, [Auth, ...Auth[]]>();

/**
 * better-auth for this deployment: e-mail and password, no sign-up. Only its server API is used; its HTTP
 * routes are not mounted, so only the routes of this folder exist, and their limits apply to all.
 */
export function openAuth(env: Env): Auth {
  return openAuths(env)[0];
}

/**
 * The instance whose key signed the browser's cookie, or the newest. better-auth signs and verifies cookies
 * with one secret (its option `secrets` is for encryption), so each key has an instance; a cookie with
 * another signature costs an instance no database read.
 */
export async function openAuthFor(env: Env, headers: Headers): Promise<Auth> {
  return (await findSession(env, headers))?.auth ?? openAuth(env);
}

/**
 * The signed-in, active user, or `null`. Reads the database each time, so disabling a user takes effect at
 * once.
 */
export async function readPerson(env: Env, headers: Headers): Promise<Person | null> {
  return (await readSignIn(env, headers))?.person ?? null;
}

/** The signed-in, active user with the details of this browser's sign-in, or `null`. */
export async function readSignIn(env: Env, headers: Headers): Promise<SignIn | null> {
  if (!headers.has("Cookie")) return null;
  const session = await findSession(env, headers);
  if (session === null || session.user.disabled) return null;
  const { id, email, name, role, twoFactorEnabled } = session.user;
  const { sessionId, at, since, mfaAt } = session;
  return {
    person: { id, email, name, role },
    sessionId,
    at,
    since,
    mfaAt,
    hasSecondFactor: twoFactorEnabled === true,
    hasPasskey: await hasPasskey(env.PLATFORM_DB, id),
  };
}

async function findSession(env: Env, headers: Headers) {
  for (const auth of openAuths(env)) {
    const session = await auth.api.getSession({ headers });
    if (session === null) continue;
    const { id: sessionId, createdAt, mfaAt, provenAt } = session.session;
    const since = new Date(createdAt);
    const at = typeof provenAt === "number" ? new Date(provenAt) : since;
    return { auth, user: session.user, sessionId, at, since, mfaAt: mfaAt ?? null };
  }
  return null;
}

function openAuths(env: Env): [Auth, ...Auth[]] {
  let auths = instances.get(env);
  if (auths === undefined) {
    const keys = openKeyring(env, "BETTER_AUTH_SECRET");
    const [newest, ...older] = keys;
    const build = (key: Key) => buildAuth(env, key, [key, ...keys.filter((other) => other !== key)]);
    auths = [build(newest), ...older.map(build)];
    instances.set(env, auths);
  }
  return auths;
}

/** Name of the challenge cookie at this address. */
export function challengeCookieOf(publicUrl: string): string {
  return publicUrl.startsWith("https://") ? `__Host-${CHALLENGE_COOKIE}` : CHALLENGE_COOKIE;
}

/** Whether an error of better-auth is a refusal (4xx) rather than a failure. */
export function isRefusal(failure: unknown): boolean {
  return (
    failure instanceof Error &&
    "statusCode" in failure &&
    typeof failure.statusCode === "number" &&
    failure.statusCode >= 400 &&
    failure.statusCode < 500
  );
}

/** @param keys - all keys, the signing one first: every instance can decrypt with all of them */
function buildAuth(env: Env, { secret }: Key, keys: readonly Key[]) {
  const secure = env.PUBLIC_URL.startsWith("https://");
  return betterAuth({
    appName: "Gatehouse",
    baseURL: env.PUBLIC_URL,
    secret,
    secrets: keys.map(({ version, secret: value }) => ({ version, value })),
    database: createD1Adapter(env.PLATFORM_DB),
    telemetry: { enabled: false },
    logger: { disabled: true },
    // We count attempts per user and address before better-auth is called; see attempts.ts.
    rateLimit: { enabled: false },
    emailAndPassword: {
      enabled: true,
      disableSignUp: true,
      minPasswordLength: PASSWORD_LENGTH.min,
      maxPasswordLength: PASSWORD_LENGTH.max,
    },
    session: {
      expiresIn: SESSION_TTL,
      disableSessionRefresh: true,
      additionalFields: {
        mfaAt: { type: "number", required: false, input: false },
        provenAt: { type: "number", required: false, input: false },
      },
    },
    // TOTP (RFC 6238: 6 digits, 30 seconds) with backup codes; secrets are encrypted before they are stored.
    // People without a password set it up after a sign-in elsewhere; who has one types it.
    plugins: [
      twoFactor({ issuer: "Gatehouse", twoFactorCookieMaxAge: CHALLENGE_TTL, allowPasswordless: true }),
      sessionOpener(),
    ],
    user: {
      additionalFields: {
        role: { type: "string", required: true, defaultValue: bundledPolicy().defaultRole, input: false },
        disabled: { type: "boolean", required: true, defaultValue: false, input: false },
      },
    },
    databaseHooks: {
      session: {
        create: {
          // A disabled user's correct password ends like a wrong one. Marks a session that a second factor
          // opened.
          before: async (session, context) => {
            const person = await env.PLATFORM_DB.prepare(
              `SELECT 1 FROM "user" WHERE "id" = ? AND "disabled" = 0`,
            )
              .bind(session.userId)
              .first();
            if (person === null) return false;
            if (context?.path === OPENED) return { data: session };
            const byFactor = context?.path?.startsWith("/two-factor/verify-") === true;
            return { data: { ...session, mfaAt: byFactor ? Date.now() : null } };
          },
        },
      },
    },
    advanced: {
      // `__Host-` (RFC 6265bis §4.1.3.2) binds the cookie to this host and to https; plain http is loopback
      // only.
      useSecureCookies: false,
      cookiePrefix: "gatehouse",
      cookies: {
        session_token: {
          name: secure ? "__Host-gatehouse-session" : "gatehouse-session",
          attributes: { secure, httpOnly: true, sameSite: "lax", path: "/" },
        },
        two_factor: {
          name: challengeCookieOf(env.PUBLIC_URL),
          attributes: { secure, httpOnly: true, sameSite: "lax", path: "/" },
        },
      },
      ipAddress: { ipAddressHeaders: ["cf-connecting-ip"] },
    },
  });
}
