import { Buffer } from "node:buffer";
import type { Context } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import { z } from "zod";
import { openKeyring } from "../../../shared/auth/keyring.ts";
import { openSealedText, sealText } from "../../../shared/auth/seal-text.ts";
import { admitAttempt } from "../limits/attempts.ts";

/** Milliseconds that a person has to use the passkey. */
const CEREMONY_MS = 5 * 60_000;
const COOKIE = "gatehouse-passkey";

const kept = z.object({ challenge: z.string(), about: z.string(), at: z.number() });

/**
 * Makes a challenge and keeps it in a sealed cookie of this browser.
 *
 * @param about - what the challenge is for: a sign-in, or the person who adds a passkey
 */
export async function startCeremony<E extends { Bindings: Env }>(
  c: Context<E>,
  about: string,
): Promise<string> {
  const challenge = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("base64url");
  const text = JSON.stringify({ challenge, about, at: Date.now() });
  const sealed = await sealText(openKeyring(c.env, "BETTER_AUTH_SECRET"), [COOKIE], text);
  const { name, ...place } = placeOf(c.env.PUBLIC_URL);
  setCookie(c, name, sealed, { ...place, httpOnly: true, sameSite: "Strict", maxAge: CEREMONY_MS / 1_000 });
  return challenge;
}

/** The challenge that this browser answers, once; `null` for one that was used, has ended, or is for something else. */
export async function endCeremony<E extends { Bindings: Env }>(
  c: Context<E>,
  about: string,
): Promise<string | null> {
  const { name, ...place } = placeOf(c.env.PUBLIC_URL);
  const sealed = getCookie(c, name);
  if (sealed === undefined) return null;
  deleteCookie(c, name, place);
  const text = await openSealedText(openKeyring(c.env, "BETTER_AUTH_SECRET"), [COOKIE], sealed);
  const ceremony = text === null ? undefined : kept.safeParse(JSON.parse(text)).data;
  if (ceremony?.about !== about || Date.now() - ceremony.at > CEREMONY_MS) return null;
  const once = { subject: `passkey|${ceremony.challenge}`, limit: 1, windowMs: 2 * CEREMONY_MS };
  const { admitted } = await admitAttempt(c.env, [once], Date.now());
  return admitted ? ceremony.challenge : null;
}

function placeOf(publicUrl: string) {
  const secure = publicUrl.startsWith("https://");
  return { name: secure ? `__Host-${COOKIE}` : COOKIE, path: "/", secure };
}
