import { COUNT_PEOPLE, listPeople } from "../../shared/people/statements.ts";
import type { PlatformDatabase } from "../platform/database.ts";

/** People on one page. */
const PAGE_SIZE = 100;

/** Prints one page of people, and the command for the next. */
export async function listPage(
  database: PlatformDatabase,
  { search = "", after = "" }: { search?: string | undefined; after?: string | undefined },
): Promise<void> {
  const [found, [count]] = await Promise.all([
    database.query(listPeople(search.toLowerCase(), after.toLowerCase(), PAGE_SIZE)),
    database.query(COUNT_PEOPLE),
  ]);
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
    return;
  }
  const narrowed = search === "" ? "" : ` --search ${search}`;
  console.log(
    `${people.length} shown, of ${all}. Go on: npm run people -- list${narrowed} --after ${last.email}`,
  );
}
