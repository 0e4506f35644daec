import type { PlatformDatabase } from "../encoding/platform-database.ts";
import { quoteText } from "../encoding/quote-text.ts";
import type { SignInRules } from "../policy/sign-in/sign-in.ts";
import { MOST_TRIES } from "./admin-requests.ts";
import { createPersonId, titleOfSignIn } from "./invite.ts";
import { noteLinks } from "./password-links.ts";
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
  /** Addresses of known people who get a link, because they have no password and no link, and none is on its way. */
  waiting: string[];
}

// A message that was tried too often, or is on its way, keeps its request open.
const WAITS = `"disabled" = 0 AND NOT EXISTS (SELECT 1 FROM team WHERE id = "user"."id")
  AND NOT EXISTS (SELECT 1 FROM "account"
    WHERE "userId" = "user"."id" AND "providerId" = 'credential' AND "password" IS NOT NULL)
  AND NOT EXISTS (SELECT 1 FROM password_link WHERE user_id = "user"."id" AND ends_at > unixepoch() * 1000)
  AND NOT EXISTS (SELECT 1 FROM admin_request
    WHERE user_id = "user"."id" AND kind = 'link_mail' AND done_at IS NULL AND tries < ${MOST_TRIES})`;

/** Compares a file of people with who is there: a person with another role is a mistake of the file. */
export async function planImport(
  database: Pick<PlatformDatabase, "query">,
  bytes: Uint8Array,
  { roles, defaultRole, signIn }: ImportRules,
  most?: FileLimits,
): Promise<ImportPlan> {
  const { people, mistakes: unread } = readPeopleFile(bytes, { roles, defaultRole }, most);
  if (unread.length > 0) return { mistakes: unread, fresh: [], known: 0, linked: [], waiting: [] };
  const addresses = quoteText(JSON.stringify(people.map(({ email }) => email)));
  // D1 takes statements of up to 100 KB.
  const named =
    addresses.length < 90_000 ? ` WHERE "email" IN (SELECT value FROM json_each(${addresses}))` : "";
  const rows = await database.query(`SELECT "email", "role", (${WAITS}) AS waits FROM "user"${named};`);
  const there = new Map(rows.map(({ email, role }) => [String(email), String(role)]));
  const waits = new Set(rows.flatMap((row) => (row.waits === 1 ? [String(row.email)] : [])));
  const mistakes = people.flatMap(({ line, email, role }) => {
    const now = there.get(email);
    return now === undefined || now === role ? [] : [`Line ${line}: ${email} is there as ${now}.`];
  });
  const fresh = people.filter(({ email }) => !there.has(email));
  const withPassword = people
    .map(({ email }) => email)
    .filter((email) => titleOfSignIn(signIn, email) === null);
  const linked = withPassword.filter((email) => !there.has(email));
  const waiting = withPassword.filter((email) => waits.has(email));
  return { mistakes, fresh, known: people.length - fresh.length, linked, waiting };
}

/** SQL: adds the fresh people of a plan, and notes for the trail which known ones get a link, all or none. */
export function addPlanned({ fresh, waiting }: Pick<ImportPlan, "fresh" | "waiting">, by: string): string {
  const at = new Date().toISOString();
  const added = addPeople(
    fresh.map(({ line: _, ...person }) => ({
      ...person,
      id: createPersonId(),
      accountId: createPersonId(),
      passwordHash: null,
      at,
    })),
    by,
  );
  return `${added}\n${noteLinks(waiting, by)}`;
}
