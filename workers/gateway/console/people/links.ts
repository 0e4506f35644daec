import type { Context } from "hono";
import { overConnection } from "../../../../shared/encoding/platform-database.ts";
import { changePerson } from "../../../../shared/people/change-person.ts";
import {
  hasPassword,
  type Invited,
  type LinkPlan,
  type NoLink,
  planInvitation,
  planReset,
} from "../../../../shared/people/invite.ts";
import type { LinkKind } from "../../../../shared/people/password-links.ts";
import { resetSecondFactor } from "../../../../shared/people/statements.ts";
import type { SignInRules } from "../../../../shared/policy/sign-in/sign-in.ts";
import { runMarkedJob } from "../../admin-jobs/run-admin-jobs.ts";
import { missingForKey, refusePassword } from "../../keys/confirm-owner.ts";
import { type GivenLink, giveLink, type LinkHolder } from "../../mail/give-link.ts";
import { readMailer } from "../../mail/mailer.ts";
import { pathToFactor } from "../../second-factor/requirement.ts";
import type { InConsole } from "../require-right.ts";

/** What became of an invitation or a reset; `given` is `null` for a person who signs in elsewhere, whose `title` is there. */
export interface Given {
  person: LinkHolder;
  kind: LinkKind;
  /** Without `url` for a link that no page shows. */
  given: GivenLink | { sent: false; why: string | null; url?: never } | null;
  title: string | null;
}

/** Who asks for a link, and how it goes to its person. */
export interface AskedLink {
  /** Name of the page and id of the person, for the trail. */
  by: string;
  /** Id of the person, who may see the link. */
  asking: string;
  /** Whether it is sent by e-mail, where that is configured. */
  mail: boolean;
}

/** The name under which the trail has what a person does on these pages. */
export function nameAsking(c: Context<InConsole>): string {
  return `/console/people (${c.var.signIn.person.id})`;
}

/** A link that the person who is signed in asks for. */
export function askedBy(c: Context<InConsole>, mail: boolean): AskedLink {
  return { by: nameAsking(c), asking: c.var.signIn.person.id, mail };
}

/** Invites a person by the same plan as `npm run people -- invite`. */
export async function inviteNow(
  env: Env,
  rules: SignInRules,
  invited: Invited,
  asked: AskedLink,
): Promise<Given | NoLink> {
  const plan = await planInvitation(overConnection(env.PLATFORM_DB), rules, invited);
  return "sql" in plan ? await carryOut(env, invited.email, "invitation", plan, asked) : plan;
}

/** Gives a person who is there a link: for a first password, or for another one as `npm run people -- reset`. */
export async function linkNow(
  env: Env,
  rules: SignInRules,
  email: string,
  asked: AskedLink,
): Promise<Given | NoLink> {
  const database = overConnection(env.PLATFORM_DB);
  const kind = (await hasPassword(database, email)) ? "reset" : "invitation";
  const plan =
    kind === "reset"
      ? planReset(rules, email)
      : await planInvitation(database, rules, { email, name: undefined, role: undefined });
  if (!("sql" in plan)) return plan;
  if (plan.title !== null)
    return { text: `${email} signs in with ${plan.title}, not with a password.`, instead: null };
  return await carryOut(env, email, kind, plan, asked);
}

async function carryOut(
  env: Env,
  email: string,
  kind: LinkKind,
  { sql, title }: LinkPlan,
  { by, asking, mail }: AskedLink,
): Promise<Given | NoLink> {
  if (sql !== null) {
    await runMarkedJob(env, await changePerson(overConnection(env.PLATFORM_DB), email, sql, by));
  }
  const person = await env.PLATFORM_DB.prepare(`SELECT "id", "email", "name" FROM "user" WHERE "email" = ?`)
    .bind(email)
    .first<LinkHolder>();
  if (person === null) return { text: "This person is not here any more.", instead: null };
  if (title !== null) return { person, kind, given: null, title };
  // Who sees a link for another password opens an account that a person uses: it goes to that person alone, where it can.
  const alone = kind === "reset" && readMailer(env) !== null;
  const shownTo = alone ? undefined : asking;
  const given = await giveLink(env, person, { kind, by, shownTo, mail: mail || alone, byMailAlone: alone });
  if (given === null) return { text: "This person has another address meanwhile.", instead: null };
  if (given.sent || !alone) return { person, kind, given, title };
  return { person, kind, given: { sent: false, why: given.why }, title };
}

/** Removes a person's second factor and passkeys, as `npm run people -- second-factor`. */
export async function resetFactorsNow(env: Env, id: string, by: string) {
  const sql = resetSecondFactor(id, new Date().toISOString());
  return runMarkedJob(env, await changePerson(overConnection(env.PLATFORM_DB), id, sql, by));
}

/**
 * Why a form that gives a way in is not carried out yet: a link or a new account outlives the browser's sign-in by far, so
 * a stolen session alone must make none, as with keys. `null` when the person has confirmed who they are.
 *
 * @param here - where the person goes on after a second factor
 */
export async function confirmAsking(
  c: Context<InConsole>,
  form: URLSearchParams,
  here: string,
): Promise<{ redirect: string } | { text: string; status: 422 | 429 } | null> {
  const missing = await missingForKey(c.env, c.var.signIn);
  if (missing === null) return null;
  if (missing !== "password") return { redirect: pathToFactor(missing, here) };
  return await refusePassword(c, c.var.signIn, form.get("password") ?? "");
}

/** Whether the forms of a page ask for the password. */
export async function asksPassword(c: Context<InConsole>): Promise<boolean> {
  return (await missingForKey(c.env, c.var.signIn)) === "password";
}
