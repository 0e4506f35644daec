import { createKeyId } from "../../../shared/auth/access-key.ts";
import { openKeyring } from "../../../shared/auth/keyring.ts";
import { signText, verifyText } from "../../../shared/auth/sign-text.ts";
import { admitAttempt } from "../limits/attempts.ts";
import type { SignIn } from "../sign-in/auth.ts";

/** Milliseconds that a form for a new key can be sent. */
const FORM_MS = 24 * 60 * 60_000;

/** The form's value: id, time in milliseconds since the epoch, signature. */
const ISSUED = /^(key_[0-9a-f]{24})\.(\d{13})\.(.{1,64})$/;

/** Whose form it is. */
type Holder = Pick<SignIn, "person" | "sessionId">;

/**
 * The id that the key of one form will have, signed for this person on this browser. Rules of the policy name service
 * accounts by their ids, so only the server makes ids, and a removed one never comes back.
 */
export async function issueKeyId(env: Env, holder: Holder): Promise<string> {
  const [id, at] = [createKeyId(), String(Date.now())];
  const signature = await signText(openKeyring(env, "BETTER_AUTH_SECRET"), "key form", about(id, at, holder));
  return `${id}.${at}.${signature}`;
}

/** The id in a form's value; `null` for one that was not issued to this person on this browser, or a day ago. */
export async function readKeyId(env: Env, issued: string, holder: Holder): Promise<string | null> {
  const [, id, at, signature] = ISSUED.exec(issued) ?? [];
  if (id === undefined || at === undefined || signature === undefined) return null;
  if (Date.now() - Number(at) > FORM_MS) return null;
  const keyring = openKeyring(env, "BETTER_AUTH_SECRET");
  return (await verifyText(keyring, "key form", about(id, at, holder), signature)) ? id : null;
}

/** Takes an id of {@link readKeyId}. `false` when a key was made of it before, also of one that is removed since. */
export async function takeKeyId(env: Env, id: string): Promise<boolean> {
  const once = { subject: `key form|${id}`, limit: 1, windowMs: 2 * FORM_MS };
  return (await admitAttempt(env, [once], Date.now())).admitted;
}

function about(id: string, at: string, { person, sessionId }: Holder): string {
  return JSON.stringify([id, at, person.id, sessionId]);
}
