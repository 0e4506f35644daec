import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { addInvitations, addressOfLink, createLink } from "../../shared/people/password-links.ts";
import { addPeople } from "../../shared/people/statements.ts";
import { readPublished, readState } from "../../shared/policy/changes/published.ts";
import type { PolicyDocument } from "../../shared/policy/schema.ts";
import { compileSignIn, providerOfEmail } from "../../shared/policy/sign-in/sign-in.ts";
import { CommandFailure } from "../local/failure.ts";
import type { PlatformDatabase } from "../platform/database.ts";
import { type Addressee, addressOf } from "../platform/notify-worker.ts";
import { nameAsker } from "../platform/requests.ts";
import { deliverLink } from "./deliver-link.ts";
import { type ListedPerson, readPeopleFile } from "./read-people-file.ts";

/** Most mistakes that are printed one by one. */
const SHOWN = 50;

interface Asked extends Addressee {
  file?: string | undefined;
  "dry-run": boolean;
}

/**
 * Adds everyone in a CSV file, or no one: every mistake is printed with its line. People who are there already stay as
 * they are. Prints a link to choose a password for each who signs in with one.
 */
export async function importPeople(database: PlatformDatabase, asked: Asked): Promise<void> {
  const { document } = await readPublished(database, (await readState(database)).version);
  const listed = await readListed(asked.file, document);
  const { fresh, known, mistakes } = await compare(database, listed);
  refuseMistakes(mistakes, asked.file);
  if (known > 0)
    console.log(
      `${known} ${known === 1 ? "is" : "are"} there already, and ${known === 1 ? "stays" : "stay"} as before.`,
    );
  if (asked["dry-run"]) {
    console.log(`${fresh.length} would be added. Nothing was changed.`);
    return;
  }
  if (fresh.length === 0) return void console.log("No one was added.");
  const at = new Date();
  const by = nameAsker("people");
  const people = fresh.map(({ line: _, ...person }) => {
    return { ...person, id: createId(), accountId: createId(), passwordHash: null, at: at.toISOString() };
  });
  const rules = compileSignIn(document.sign_in);
  const links = people
    .filter(({ email }) => rules.passwordAllowed && providerOfEmail(rules, email) === null)
    .map(({ id, email }) => ({ userId: id, email, ...createLink() }));
  const sql = [addPeople(people, by), addInvitations(links, by, at.getTime())];
  await database.change(sql.filter((text) => text !== "").join("\n"));
  console.log(`Added ${people.length} ${people.length === 1 ? "person" : "people"}.`);
  if (links.length < people.length) {
    console.log(`${people.length - links.length} of them sign in with single sign-on, and need no link.`);
  }
  for (const { email, token } of links) {
    await deliverLink({ to: email, kind: "invitation", url: addressOfLink(addressOf(asked), token) });
  }
}

async function readListed(
  file: string | undefined,
  { roles, default_role: defaultRole }: PolicyDocument,
): Promise<ListedPerson[]> {
  if (file === undefined)
    throw new CommandFailure(
      "Name the file: npm run people -- import people.csv",
      "Its columns are email, name, role.",
    );
  const bytes = await readFile(file).catch((failure: NodeJS.ErrnoException) => {
    throw new CommandFailure(
      `${file} cannot be read: ${failure.code ?? failure.message}.`,
      "Check its name.",
    );
  });
  const { people, mistakes } = readPeopleFile(bytes, { roles: Object.keys(roles), defaultRole });
  refuseMistakes(mistakes, file);
  return people;
}

/** Whom the database has already: with the same role they stay, with another one the file is wrong about them. */
async function compare(
  database: PlatformDatabase,
  listed: readonly ListedPerson[],
): Promise<{ fresh: ListedPerson[]; known: number; mistakes: string[] }> {
  const rows = await database.query(`SELECT "email", "role" FROM "user";`);
  const roles = new Map(rows.map(({ email, role }) => [String(email), String(role)]));
  const mistakes = listed.flatMap(({ line, email, role }) => {
    const now = roles.get(email);
    if (now === undefined || now === role) return [];
    return [
      `Line ${line}: ${email} is there as ${now}. Change it: npm run people -- role --email ${email} --role ${role}`,
    ];
  });
  const fresh = listed.filter(({ email }) => !roles.has(email));
  return { fresh, known: listed.length - fresh.length, mistakes };
}

function refuseMistakes(mistakes: readonly string[], file = ""): void {
  if (mistakes.length === 0) return;
  for (const mistake of mistakes.slice(0, SHOWN)) console.error(mistake);
  const more = mistakes.length - SHOWN;
  if (more > 0) console.error(`… and ${more} more.`);
  throw new CommandFailure(
    `No one was added: ${mistakes.length === 1 ? "a line" : `${mistakes.length} lines`} of ${file} cannot be taken.`,
    "Correct the file and import it again.",
  );
}

function createId(): string {
  return randomBytes(16).toString("hex");
}
