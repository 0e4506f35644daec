import { readFile } from "node:fs/promises";
import { addPlanned, planImport } from "../../shared/people/import.ts";
import { compileSignIn } from "../../shared/policy/sign-in/sign-in.ts";
import { CommandFailure } from "../local/failure.ts";
import type { PlatformDatabase } from "../platform/database.ts";
import type { Addressee } from "../platform/notify-worker.ts";
import { nameAsker } from "../platform/requests.ts";
import { deliverLinks } from "./deliver-link.ts";
import { readPolicyInForce } from "./find-provider.ts";

/** Most mistakes that are printed one by one. */
const SHOWN = 50;

interface Asked extends Addressee {
  file?: string | undefined;
  "dry-run": boolean;
  print: boolean;
}

/**
 * Adds everyone in a CSV file, or no one: every mistake is printed with its line. People who are there already stay as
 * they are. Brings each who signs in with a password a link to choose it.
 */
export async function importPeople(database: PlatformDatabase, asked: Asked): Promise<void> {
  const document = await readPolicyInForce(database);
  const { roles, default_role: defaultRole, sign_in: signIn } = document;
  const bytes = await readBytes(asked.file);
  const rules = { roles: Object.keys(roles), defaultRole, signIn: compileSignIn(signIn) };
  const plan = await planImport(database, bytes, rules);
  const { mistakes, fresh, known, linked, waiting } = plan;
  refuseMistakes(mistakes, asked.file);
  if (known > 0)
    console.log(
      `${known} ${known === 1 ? "is" : "are"} there already, and ${known === 1 ? "stays" : "stay"} as before.`,
    );
  if (waiting.length > 0)
    console.log(
      `${waiting.length} of them ${waiting.length === 1 ? "has" : "have"} no password and no link, and ${asked["dry-run"] ? "would get" : waiting.length === 1 ? "gets" : "get"} a link.`,
    );
  if (asked["dry-run"]) {
    console.log(`${fresh.length} would be added. Nothing was changed.`);
    return;
  }
  const to = [...linked, ...waiting];
  if (fresh.length + to.length === 0) return void console.log("No one was added.");
  await database.change(addPlanned(plan, nameAsker("people")));
  console.log(
    fresh.length === 0
      ? "No one was added."
      : `Added ${fresh.length} ${fresh.length === 1 ? "person" : "people"}.`,
  );
  if (linked.length < fresh.length) {
    console.log(`${fresh.length - linked.length} of them sign in with single sign-on, and need no link.`);
  }
  if (to.length > 0) await deliverLinks(database, asked, { to, kind: "invitation", print: asked.print });
}

async function readBytes(file: string | undefined): Promise<Uint8Array> {
  if (file === undefined)
    throw new CommandFailure(
      "Name the file: npm run people -- import people.csv",
      "Its columns are email, name, role.",
    );
  return await readFile(file).catch((failure: NodeJS.ErrnoException) => {
    throw new CommandFailure(
      `${file} cannot be read: ${failure.code ?? failure.message}.`,
      "Check its name.",
    );
  });
}

function refuseMistakes(mistakes: readonly string[], file = ""): void {
  if (mistakes.length === 0) return;
  for (const mistake of mistakes.slice(0, SHOWN)) console.error(mistake);
  const more = mistakes.length - SHOWN;
  if (more > 0) console.error(`… and ${more} more.`);
  const isOfLines = mistakes[0]?.startsWith("Line ") === true;
  const lines = mistakes.length === 1 ? "a line of " : `${mistakes.length} lines of `;
  throw new CommandFailure(
    `No one was added: ${isOfLines ? lines : ""}${file} cannot be taken.`,
    "Correct the file and import it again. A person's role changes with: npm run people -- role",
  );
}
