import type { PlatformDatabase } from "../encoding/platform-database.ts";
import { providerOfEmail, type SignInRules } from "../policy/sign-in/sign-in.ts";
import { noteLink, readHasPassword } from "./password-links.ts";
import { addPerson, findByEmail } from "./statements.ts";
import { isTeamAddress } from "./teams.ts";

/** Who is to be invited. `name` and `role` count for a person who is not there yet. */
export interface Invited {
  email: string;
  name: string | undefined;
  role: string | undefined;
}

/** Why a person gets no link: the sentence and, for the command, what to do. */
export interface NoLink {
  text: string;
  instead: "reset" | "role" | null;
}

/** What an invitation or a reset does: the SQL, and what the person signs in with where that is no password. */
export interface LinkPlan {
  /** `null` for a person who is there and needs no link: nothing is changed or recorded. */
  sql: string | null;
  /** The person as they are added; `null` for one who is there already. */
  added: { name: string; role: string } | null;
  /** Title of single sign-on: such a person gets no link. */
  title: string | null;
}

/**
 * What a person with this address signs in with; `null` for a password. Where passwords are refused and no provider has
 * the domain, single sign-on in general.
 */
export function titleOfSignIn(rules: SignInRules, email: string): string | null {
  const provider = providerOfEmail(rules, email);
  if (provider !== null) return rules.providers.get(provider)?.title ?? provider;
  return rules.passwordAllowed ? null : "single sign-on";
}

/**
 * Plans the invitation of a person: of a new one, or once more of one who has no password yet. The command and the console
 * carry it out alike.
 */
export async function planInvitation(
  database: Pick<PlatformDatabase, "query">,
  rules: SignInRules,
  { email, name, role }: Invited,
): Promise<LinkPlan | NoLink> {
  if (isTeamAddress(email)) return { text: "A team never signs in.", instead: null };
  const [known] = await database.query(findByEmail(email));
  const title = titleOfSignIn(rules, email);
  if (known !== undefined && title === null && (await hasPassword(database, email))) {
    return { text: `${email} is already there, with a password.`, instead: "reset" };
  }
  // Another link leaves the person as before, so a role that it names would be ignored.
  if (known !== undefined && role !== undefined && role !== known.role) {
    return { text: `${email} is there as ${known.role}.`, instead: "role" };
  }
  if (known !== undefined) return { sql: title === null ? noteLink(email) : null, added: null, title };
  if (name === undefined || role === undefined)
    return { text: "A new person needs a name and a role.", instead: null };
  const person = { email, name, role, passwordHash: null, at: new Date().toISOString() };
  const sql = addPerson({ id: createPersonId(), accountId: createPersonId(), ...person });
  return { sql, added: { name, role }, title };
}

/** Plans a link for another password. A second factor stays. */
export function planReset(rules: SignInRules, email: string): LinkPlan | NoLink {
  if (isTeamAddress(email)) return { text: "A team never signs in.", instead: null };
  const title = titleOfSignIn(rules, email);
  if (title !== null) return { text: `${email} signs in with ${title}, not with a password.`, instead: null };
  return { sql: noteLink(email), added: null, title };
}

/** Whether a person has a password, by address. */
export async function hasPassword(
  database: Pick<PlatformDatabase, "query">,
  email: string,
): Promise<boolean> {
  return Number((await database.query(readHasPassword(email)))[0]?.total) > 0;
}

/** A new id of a person or account: 128 random bits, hexadecimal. */
export function createPersonId(): string {
  return crypto.randomUUID().replaceAll("-", "");
}
