import type { Context } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import { z } from "zod";
import { openKeyring } from "../../../shared/auth/keyring.ts";
import { openSealedText, sealText } from "../../../shared/auth/seal-text.ts";
import { digestText } from "../../../shared/encoding/canonical-json.ts";
import { admitAttempt } from "../limits/attempts.ts";

type GatewayContext = Context<{ Bindings: Env }>;

/** Milliseconds that a person has for the sign-in at the issuer. */
const ATTEMPT_MS = 10 * 60_000;
const ABOUT = ["single sign-on attempt"];

const attempt = z.object({
  provider: z.string(),
  issuer: z.string(),
  state: z.string(),
  nonce: z.string(),
  verifier: z.string(),
  next: z.string(),
  /** The person has to prove who they are, whatever session the issuer has. */
  fresh: z.boolean(),
  at: z.number(),
});

/** A sign-in that is under way at an issuer. */
export type Attempt = z.output<typeof attempt>;

/**
 * Keeps an attempt in a sealed cookie of this browser: the answer of the issuer counts here and nowhere else. A cookie
 * per attempt, so that two tabs do not disturb each other.
 */
export async function keepAttempt(c: GatewayContext, kept: Attempt): Promise<void> {
  const sealed = await sealText(openKeyring(c.env, "BETTER_AUTH_SECRET"), ABOUT, JSON.stringify(kept));
  const { secure, ...place } = placeOf(c.env.PUBLIC_URL);
  const maxAge = ATTEMPT_MS / 1_000;
  setCookie(c, cookieOf(c.env.PUBLIC_URL, kept.state), sealed, {
    ...place,
    secure,
    maxAge,
    httpOnly: true,
    sameSite: "Lax",
  });
}

/**
 * The attempt of this browser that the issuer answers, once: `null` for the state of another browser, of another
 * provider, one that was used, and one that has ended.
 */
export async function takeAttempt(
  c: GatewayContext,
  provider: string,
  state: string,
): Promise<Attempt | null> {
  const name = cookieOf(c.env.PUBLIC_URL, state);
  const sealed = getCookie(c, name);
  if (sealed === undefined) return null;
  deleteCookie(c, name, placeOf(c.env.PUBLIC_URL));
  const text = await openSealedText(openKeyring(c.env, "BETTER_AUTH_SECRET"), ABOUT, sealed);
  const kept = text === null ? null : (attempt.safeParse(JSON.parse(text)).data ?? null);
  if (kept === null || kept.state !== state || kept.provider !== provider) return null;
  if (Date.now() - kept.at > ATTEMPT_MS) return null;
  // The cookie may have been copied; the state counts once all the same.
  const once = { subject: `single-sign-on|${state}`, limit: 1, windowMs: 2 * ATTEMPT_MS };
  return (await admitAttempt(c.env, [once], Date.now())).admitted ? kept : null;
}

/** The digest keeps what came from outside out of a cookie's name. */
function cookieOf(publicUrl: string, state: string): string {
  return `${placeOf(publicUrl).secure ? "__Host-" : ""}gatehouse-sso-${digestText(state).slice(0, 16)}`;
}

function placeOf(publicUrl: string) {
  return { path: "/", secure: publicUrl.startsWith("https://") };
}
