import { readFileSync } from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { beforeAll, expect, it } from "vitest";
import { ROOT } from "../../scripts/local/root.ts";
import { writeNext } from "../../scripts/people/list-page.ts";
import { listPeople, type PeopleFilter } from "../../shared/people/statements.ts";

const PEOPLE = 50_000;
const PAGE = 100;
/** One of so many is an analyst, and one of so many analysts is disabled. */
const [ANALYSTS, DISABLED] = [1_000, 10];

let database: DatabaseSync;

const page = (filter: PeopleFilter, after: string) =>
  database.prepare(listPeople(filter, after, PAGE)).all() as { email: string }[];

/** Everyone whom the pages of a filter list, a page after the other. */
function listAll(filter: PeopleFilter): string[] {
  const listed: string[] = [];
  for (;;) {
    const found = page(filter, listed.at(-1) ?? "");
    listed.push(...found.slice(0, PAGE).map(({ email }) => email));
    if (found.length <= PAGE) return listed;
  }
}

beforeAll(() => {
  database = new DatabaseSync(":memory:");
  database.exec(readFileSync(path.join(ROOT, "migrations/platform/0001_people.sql"), "utf8"));
  database.exec(`WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ${PEOPLE - 1})
    INSERT INTO "user" ("id", "name", "email", "createdAt", "updatedAt", "role", "disabled")
    SELECT 'u' || i, 'P', 'p' || i || '@example.com', '', '', iif(i % ${ANALYSTS} = 0, 'analyst', 'viewer'),
      i % ${ANALYSTS * DISABLED} = 0 FROM n;`);
});

it("lists people of one role, those who are disabled, and both with a part of the address, each once", () => {
  const analysts = Array.from(
    { length: PEOPLE / ANALYSTS },
    (_, index) => `p${index * ANALYSTS}@example.com`,
  );
  expect(listAll({ search: "", role: "analyst" })).toEqual(analysts.sort());
  expect(listAll({ search: "p2", role: "analyst" })).toEqual(
    analysts.filter((email) => email.startsWith("p2")),
  );
  expect(listAll({ search: "", isDisabled: true })).toHaveLength(PEOPLE / ANALYSTS / DISABLED);
  expect(listAll({ search: "p4", role: "analyst", isDisabled: true })).toEqual(["p40000@example.com"]);
  expect(listAll({ search: "", role: "viewer" })).toHaveLength(PEOPLE - PEOPLE / ANALYSTS);
  expect(page({ search: "", role: "x' OR '1' = '1" }, "")).toEqual([]);
});

it("reads the index of addresses from the last one on, and sorts nothing", () => {
  const filter = { search: "p", role: "analyst", isDisabled: true };
  const plan = database.prepare(`EXPLAIN QUERY PLAN ${listPeople(filter, "p3@example.com", PAGE)}`).all();
  expect(plan.map(({ detail }) => detail)).toEqual([
    expect.stringMatching(/^SEARCH user USING INDEX sqlite_autoindex_user_2 \(email>\?\)$/),
  ]);
});

it("names the next page with everything that restricts this one, quoted for a shell", () => {
  const local = { env: "local", disabled: false, after: "ada@example.com" };
  expect(writeNext(local)).toBe("npm run people -- list --after ada@example.com");
  const asked = {
    search: "o'brien; rm",
    role: "analyst",
    disabled: true,
    after: "ada@example.com",
    env: "staging",
  };
  expect(writeNext(asked)).toBe(
    "npm run people -- list --disabled --search 'o'\\''brien; rm' --role analyst --after ada@example.com --env staging",
  );
  expect(writeNext({ ...local, search: "-x", state: "my state" })).toBe(
    "npm run people -- list --search=-x --after ada@example.com --state 'my state'",
  );
});
