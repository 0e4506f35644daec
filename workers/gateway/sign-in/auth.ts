import { betterAuth } from "better-auth/minimal";
import { twoFactor } from "better-auth/plugins/two-factor";
import { type Key, openKeyring } from "../../../shared/auth/keyring.ts";
import { bundledPolicy } from "../../../shared/policy/current.ts";
import type { Person } from "../people.ts";
import { createD1Adapter } from "./d1-adapter.ts";

/** Seconds that a browser stays signed in, counted from sign-in. Fixed: it does not slide. */
const SESSION_TTL = 12 * 60 * 60;
/** Bounds of a password that a person chooses, in characters. */
export const PASSWORD_LENGTH = { min: 12, max: 128 } as const;
/** Longest e-mail address (RFC 5321 §4.5.3.1.3). */
export const EMAIL_LENGTH = 254;

/** What a browser holds between the right password and the second factor. */
const CHALLENGE_COOKIE = "gatehouse-second-factor";
/** Seconds within which the second factor must follow the password. */
const CHALLENGE_TTL = 10 * 60;

/** A person's sign-in on one browser. */
export interface SignIn {
  person: Person;
  /** Id of the browser's session. No secret: what the cookie holds is another value. */
  sessionId: string;
  /** When the password was given. */
  at: Date;
  /** When a second factor was last given on this browser, in milliseconds since the epoch; `null` for never. */
  mfaAt: number | null;
  /** Whether the person has set one up. */
  hasSecondFactor: boolean;
}

type Auth = ReturnType<typeof buildAuth>;

const instances = new WeakMap<Env, [Auth, ...Auth[]]>();

/**
 * better-auth for this deployment: e-mail and password, no sign-up. Only its server API is used; its HTTP routes are
 * never mounted, so the door has exactly the entrances that this folder builds, and their limits apply to all.
 */
export function openAuth(env: Env): Auth {
  return openAuths(env)[0];
}

/**
 * The instance that knows the browser's cookie, or the newest when none does. better-auth signs and verifies cookies
 * with one secret (its option `secrets` is for what it encrypts), so each key has an instance; a cookie that is not
 * signed with an instance's key costs it no look into the database.
 */
export async function openAuthFor(env: Env, headers: Headers): Promise<Auth> {
  return (await findSession(env, headers))?.auth ?? openAuth(env);
}

/** The signed-in, active person, or `null`. Reads the database each time: disabling a person works at once. */
export async function readPerson(env: Env, headers: Headers): Promise<Person | null> {
  return (await readSignIn(env, headers))?.person ?? null;
}

/** The signed-in, active person with what they gave on this browser, or `null`. */
export async function readSignIn(env: Env, headers: Headers): Promise<SignIn | null> {
  if (!headers.has("Cookie")) return null;
  const session = await findSession(env, headers);
  if (session === null || session.user.disabled) return null;
  const { id, email, name, role, twoFactorEnabled } = session.user;
  const { sessionId, at, mfaAt } = session;
  return {
    person: { id, email, name, role },
    sessionId,
    at,
    mfaAt,
    hasSecondFactor: twoFactorEnabled === true,
  };
}

async function findSession(env: Env, headers: Headers) {
  for (const auth of openAuths(env)) {
    const session = await auth.api.getSession({ headers });
    if (session === null) continue;
    const { id: sessionId, createdAt, mfaAt } = session.session;
    return { auth, user: session.user, sessionId, at: new Date(createdAt), mfaAt: mfaAt ?? null };
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

/** The challenge cookie's name at this address. */
export function challengeCookieOf(publicUrl: string): string {
  return publicUrl.startsWith("https://") ? `__Host-${CHALLENGE_COOKIE}` : CHALLENGE_COOKIE;
}

/** Whether something better-auth threw is a refusal to the person (4xx), not a failure of ours. */
export function isRefusal(failure: unknown): boolean {
  return (
    failure instanceof Error &&
    "statusCode" in failure &&
    typeof failure.statusCode === "number" &&
    failure.statusCode >= 400 &&
    failure.statusCode < 500
  );
}

/** @param keys - all of them, the one that signs first: what one encrypted, every instance can read */
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
    // Attempts are counted by us, by person and address, before better-auth is asked; see attempts.ts.
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
      additionalFields: { mfaAt: { type: "number", required: false, input: false } },
    },
    // TOTP (RFC 6238: 6 digits, 30 seconds) with backup codes; secrets are encrypted before they are stored.
    plugins: [twoFactor({ issuer: "Gatehouse", twoFactorCookieMaxAge: CHALLENGE_TTL })],
    user: {
      additionalFields: {
        role: { type: "string", required: true, defaultValue: bundledPolicy().defaultRole, input: false },
        disabled: { type: "boolean", required: true, defaultValue: false, input: false },
      },
    },
    databaseHooks: {
      session: {
        create: {
          // A disabled person's right password ends like a wrong one. A session that a second factor opens says so.
          before: async (session, context) => {
            const person = await env.PLATFORM_DB.prepare(
              `SELECT 1 FROM "user" WHERE "id" = ? AND "disabled" = 0`,
            )
              .bind(session.userId)
              .first();
            if (person === null) return false;
            const byFactor = context?.path?.startsWith("/two-factor/verify-") === true;
            return { data: { ...session, mfaAt: byFactor ? Date.now() : null } };
          },
        },
      },
    },
    advanced: {
      // `__Host-` (RFC 6265bis §4.1.3.2) pins the cookie to this host and to https; plain http is loopback only.
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
