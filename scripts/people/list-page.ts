import { COUNT_OPEN_LINKS, describeOpenLinks } from "../../shared/people/password-links.ts";
import { COUNT_PEOPLE, listPeople, ROLES_OF_PEOPLE } from "../../shared/people/statements.ts";
import type { PlatformDatabase } from "../platform/database.ts";
import type { Place } from "../platform/place.ts";

/** People on one page. */
const PAGE_SIZE = 100;

/** Options of the command list. */
interface Asked extends Place {
  search?: string | undefined;
  role?: string | undefined;
  disabled: boolean;
  after?: string | undefined;
}

/** Prints one page of people, and the command for the next. */
export async function listPage(database: PlatformDatabase, asked: Asked): Promise<void> {
  const { search = "", role, disabled: isDisabled, after = "" } = asked;
  const filter = { search: search.toLowerCase(), role, isDisabled };
  const [found, [count], [links]] = await Promise.all([
    database.query(listPeople(filter, after.toLowerCase(), PAGE_SIZE)),
    database.query(COUNT_PEOPLE),
    database.query(COUNT_OPEN_LINKS),
  ]);
  const mails = describeOpenLinks(links, Date.now());
  if (mails !== null) console.log(mails);
  const people = found.slice(0, PAGE_SIZE);
  for (const person of people) {
    console.log(
      `${String(person.email).padEnd(36)} ${String(person.role).padEnd(8)} ${person.disabled ? "disabled " : ""}${person.name}`,
    );
  }
  const total = Number(count?.total);
  const all = `${total} ${total === 1 ? "person" : "people"}`;
  const last = people.at(-1);
  if (found.length === people.length || last === undefined) {
    console.log(people.length === total ? all : `${people.length} shown, of ${all}`);
    if (last === undefined && role !== undefined && total > 0) {
      const roles = (await database.query(ROLES_OF_PEOPLE)).map((row) => row.role);
      console.log(`They have the roles ${roles.join(", ")}.`);
    }
    return;
  }
  const next = writeNext({ ...asked, after: String(last.email) });
  console.log(`${people.length} shown, of ${all}. Go on: ${next}`);
}

/** The command for the page behind `after`: with everything that restricted this one, on the same storage. */
export function writeNext({ search, role, disabled, after, env, state }: Asked): string {
  const texts = { search, role, after, env: env === "local" ? undefined : env, state };
  const parts = Object.entries(texts).flatMap(([name, value]) =>
    value === undefined ? [] : [` --${name}${value.startsWith("-") ? "=" : " "}${quoteForShell(value)}`],
  );
  return `npm run people -- list${disabled ? " --disabled" : ""}${parts.join("")}`;
}

function quoteForShell(text: string): string {
  return /^[\w@.+:/-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
