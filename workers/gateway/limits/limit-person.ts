import type { Context } from "hono";
import { refuse } from "../failures.tsx";
import { owesFactor } from "../second-factor/requirement.ts";
import type { SignIn } from "../sign-in/auth.ts";
import { type AttemptRule, admitAttempt } from "./attempts.ts";

/** Forms within a minute: of one browser's session, of a person on all of them, and of a session that protect the account. */
const FORMS = { session: 120, person: 600, protecting: 30 } as const;
const WINDOW_MS = 60_000;

/** Forms with which a person whose password or session was stolen ends that: other forms must not use them up. */
const PROTECTING = new Set(["/account/password", "/account/browsers", "/account/revoke"]);

/**
 * The counters of a form, the narrowest first. Each session has its own, so that a stolen one does not keep its person from
 * the forms of another. One that still owes a second factor may be of a person who knows the password alone, and does not
 * count against the person.
 */
export function rulesOfForm(signIn: SignIn, path: string): AttemptRule[] {
  const { person, sessionId } = signIn;
  if (PROTECTING.has(path)) {
    return [{ subject: `form|protecting|${sessionId}`, limit: FORMS.protecting, windowMs: WINDOW_MS }];
  }
  const own = { subject: `form|session|${sessionId}`, limit: FORMS.session, windowMs: WINDOW_MS };
  const all = { subject: `form|person|${person.id}`, limit: FORMS.person, windowMs: WINDOW_MS };
  return owesFactor(signIn) ? [own] : [own, all];
}

/**
 * Counts a form of a signed-in person: each may write to the database, to objects and to the trail. The answer is 429 above
 * the limit, and `null` below it and for what is no form.
 */
export async function refuseManyForms<E extends { Bindings: Env }>(
  c: Context<E>,
  signIn: SignIn,
): Promise<Response | null> {
  if (c.req.method !== "POST") return null;
  // One after the other: what a session may not send does not count against the person.
  for (const rule of rulesOfForm(signIn, c.req.path)) {
    const admission = await admitAttempt(c.env, [rule], Date.now());
    if (admission.admitted) continue;
    return await refuse(c, {
      status: 429,
      code: "rate_limited",
      title: "Too many forms",
      message:
        "You sent more forms within a minute than a person can fill in. Nothing was changed by this one.",
      action: "Wait a minute, then go back and send it again.",
      retryAfter: admission.retryAfter,
    });
  }
  return null;
}
