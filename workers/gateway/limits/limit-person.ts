import type { Context } from "hono";
import { refuse } from "../failures.tsx";
import { type AttemptRule, admitAttempt } from "./attempts.ts";

/** Forms that one person sends within a minute, on all pages and browsers together. */
const FORMS_PER_MINUTE = 120;

/** The counter of a person's forms. */
export function ruleOfForms(userId: string): AttemptRule {
  return { subject: `form|${userId}`, limit: FORMS_PER_MINUTE, windowMs: 60_000 };
}

/**
 * Counts a form of a signed-in person: each may write to the database, to objects and to the trail. The answer is 429 above
 * the limit, and `null` below it and for what is no form.
 */
export async function refuseManyForms<E extends { Bindings: Env }>(
  c: Context<E>,
  userId: string,
): Promise<Response | null> {
  if (c.req.method !== "POST") return null;
  const admission = await admitAttempt(c.env, [ruleOfForms(userId)], Date.now());
  if (admission.admitted) return null;
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
