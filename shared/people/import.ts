import type { PlatformDatabase } from "../encoding/platform-database.ts";
import { quoteText } from "../encoding/quote-text.ts";
import type { SignInRules } from "../policy/sign-in/sign-in.ts";
import { createPersonId, titleOfSignIn } from "./invite.ts";
import { type FileLimits, type ListedPerson, readPeopleFile } from "./read-people-file.ts";
import { addPeople } from "./statements.ts";

/** By what a file of people is judged: the policy in force. */
export interface ImportRules {
  roles: readonly string[];
  defaultRole: string;
  signIn: SignInRules;
}

/** What a file of people would do. With mistakes nothing is done. */
export interface ImportPlan {
  /** A sentence for each line that cannot be taken. */
  mistakes: string[];
  /** People who are not there yet. */
  fresh: ListedPerson[];
  /** Number of people who are there already, and stay as before. */
  known: number;
  /** Addresses of the fresh people who get a link; the others sign in elsewhere. */
  linked: string[];
}

/** Compares a file of people with who is there: a person with another role is a mistake of the file. */
export async function planImport(
  database: Pick<PlatformDatabase, "query">,
  bytes: Uint8Array,
  { roles, defaultRole, signIn }: ImportRules,
  most?: FileLimits,
): Promise<ImportPlan> {
  const { people, mistakes: unread } = readPeopleFile(bytes, { roles, defaultRole }, most);
  if (unread.length > 0) return { mistakes: unread, fresh: [], known: 0, linked: [] };
  const addresses = quoteText(JSON.stringify(people.map(({ email }) => email)));
  // D1 takes statements of up to 100 KB.
  const named =
    addresses.length < 90_000 ? ` WHERE "email" IN (SELECT value FROM json_each(${addresses}))` : "";
  const rows = await database.query(`SELECT "email", "role" FROM "user"${named};`);
  const there = new Map(rows.map(({ email, role }) => [String(email), String(role)]));
  const mistakes = people.flatMap(({ line, email, role }) => {
    const now = there.get(email);
    return now === undefined || now === role ? [] : [`Line ${line}: ${email} is there as ${now}.`];
  });
  const fresh = people.filter(({ email }) => !there.has(email));
  const linked = fresh.map(({ email }) => email).filter((email) => titleOfSignIn(signIn, email) === null);
  return { mistakes, fresh, known: people.length - fresh.length, linked };
}

/** SQL: adds the fresh people of a plan, all or none. */
export function addPlanned(fresh: readonly ListedPerson[], by: string): string {
  const at = new Date().toISOString();
  return addPeople(
    fresh.map(({ line: _, ...person }) => ({
      ...person,
      id: createPersonId(),
      accountId: createPersonId(),
      passwordHash: null,
      at,
    })),
    by,
  );
}
