import { env } from "cloudflare:workers";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { countReads } from "../../scripts/bench/count-reads.ts";
import { bundledPolicy } from "../../shared/policy/bundled.ts";
import { masksOf } from "../../shared/policy/masks.ts";
import { stripTopLevelDomains } from "../../workers/crm/search/query.ts";
import { openCrmStore } from "../../workers/crm/store.ts";
import { openSession, type TestSession } from "../support/session.ts";
import { addCompany, addContact } from "./rows.ts";

const FIRST = ["Ann", "Anna", "Hanna", "Jo", "John", "Johanna", "Zoë"];
const LAST = ["Smith", "Smithers", "Blacksmith", "Müller", "O'Neil", "St. John"];
const COMPANIES = ["Smith & Sons", "Northwind", "John Deer", "Zoe Labs"];
let session: TestSession;
let people: { id: string; name: string; company: string; companyId: string; email: string }[];

beforeAll(async () => {
  for (const [index, name] of COMPANIES.entries()) await addCompany(`cmp_${index}`, name);
  people = FIRST.flatMap((first, row) =>
    LAST.map((last, column) => ({
      id: `con_${row}x${column}`,
      name: `${first} ${last}`,
      companyId: `cmp_${(row + column) % COMPANIES.length}`,
      company: COMPANIES[(row + column) % COMPANIES.length] ?? "",
      email: `${row}x${column}@${column % 2 === 0 ? "postbox" : "postal-service"}.example`,
    })),
  );
  for (const { id, name, companyId, email } of people) {
    await addContact(id, name, { company_id: companyId, email });
  }
  session = await openSession({ server: "crm", lane: "stateless" });
});

async function findAll(args: Record<string, unknown>, limit: number) {
  const rows: { id: string; name: string }[] = [];
  let cursor: string | undefined;
  let match = "";
  do {
    const { data } = await session.call("crm_find_contacts", { ...args, limit, ...(cursor && { cursor }) });
    rows.push(...data.contacts);
    match = data.match;
    cursor = data.next_cursor;
  } while (cursor !== undefined);
  return { rows, match };
}

function fold(text: string): string {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}

/** Words for a reader: without accents, split at everything that is no letter. */
function wordsOf(text: string): string[] {
  const plain = fold(text);
  return [...(plain.match(/[a-z]+/g) ?? []), ...plain.replace(/['’-]/g, "").split(/[^a-z]+/)];
}

describe("finding contacts", () => {
  it("returns, page by page, every person whose words begin with the query, exactly once", {
    timeout: 60_000,
  }, async () => {
    const beginnings = fc.constantFrom(
      "a",
      "an",
      "ann",
      "j",
      "jo",
      "joh",
      "smi",
      "smith",
      "zoe",
      "mull",
      "o",
      "north",
      "northw",
      "johan",
      "smithe",
      "blacksm",
      "müller",
      "postb",
      "posta",
      "examp",
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(beginnings, { minLength: 1, maxLength: 2 }),
        fc.integer({ min: 1, max: 9 }),
        async (words, limit) => {
          const fits = ({ name, company, email }: (typeof people)[number]) =>
            words.every((word) =>
              wordsOf(`${name} ${company} ${email}`).some((own) => own.startsWith(fold(word))),
            );
          const expected = people.filter(fits).map(({ id }) => id);
          const { rows, match } = await findAll({ query: words.join(" ") }, limit);
          const ids = rows.map(({ id }) => id);
          expect(new Set(ids).size).toBe(ids.length);
          if (expected.length > 0) {
            expect(match).toBe("all_words");
            expect(ids.sort()).toEqual(expected.sort());
          } else if (ids.length > 0) expect(match).not.toBe("all_words");
        },
      ),
      { numRuns: 25 },
    );
  });

  it("ranks whole words of the name first, then prefixes, then the company", async () => {
    const { rows } = await findAll({ query: "smith" }, 50);
    const kinds = rows.map(({ id }) => {
      const name = people.find((person) => person.id === id)?.name ?? "";
      return / Smith$/.test(name) ? 0 : / Smithers$/.test(name) ? 1 : 2;
    });
    expect(kinds).toEqual([...kinds].sort());
    expect(new Set(kinds).size).toBe(3);
  });

  it("narrows to one company, with and without words", async () => {
    const inCompany = people.filter(({ companyId }) => companyId === "cmp_1");
    const all = await findAll({ company_id: "cmp_1" }, 4);
    expect(all.rows.map(({ id }) => id).sort()).toEqual(inCompany.map(({ id }) => id).sort());
    const some = await findAll({ company_id: "cmp_1", query: "john" }, 4);
    const names = inCompany.filter(({ name }) => /\bjohn/i.test(name)).map(({ name }) => name);
    expect(some.rows.map(({ name }) => name).sort()).toEqual(names.sort());
  });

  it("ignores the ending of an unknown address, which nearly all addresses share", async () => {
    await addContact("con_address", "Ada Address", { email: "ada.address@northwind.example" });
    const { data } = await session.call("crm_find_contacts", { query: "ada.address@northwind.com" });
    expect(data).toMatchObject({ match: "some_words", contacts: [{ id: "con_address" }] });
    expect(["ann@acme.co.uk", "acme.com", "j.smith", "St. John"].map(stripTopLevelDomains)).toEqual([
      "ann@acme.co",
      "acme",
      "j.smith",
      "St. John",
    ]);
  });

  it("continues from people of that name to people of that address, each once, for any page size", async () => {
    for (const [index, name] of [
      "Ida Gmail",
      "Una Gmailova",
      "Eva Plain",
      "Pia Plain",
      "Lea Plain",
    ].entries()) {
      await addContact(`con_mail${index}`, name, { email: `p${index}@gmail.example` });
    }
    const ids = ["con_mail0", "con_mail1", "con_mail4", "con_mail3", "con_mail2"];
    for (const limit of [1, 2, 3, 10]) {
      const { rows } = await findAll({ query: "gmail" }, limit);
      expect(rows.map(({ id }) => id)).toEqual(ids);
    }
    await env.CRM_DB.prepare("UPDATE contacts SET last_name = 'Gmail' WHERE id = 'con_mail3'").run();
    const { rows } = await findAll({ query: "gmail" }, 2);
    expect(rows.map(({ id }) => id).slice(0, 3)).toEqual(["con_mail3", "con_mail0", "con_mail1"]);
    expect(rows).toHaveLength(5);
  });

  it("expands a long prefix, because FTS5 would first collect the rows of every word with it", async () => {
    const counter = countReads(env.CRM_DB);
    const store = openCrmStore(counter.db, masksOf(bundledPolicy(), "admin"));
    const { rows } = await store.contacts.search({ text: "postal-servic examp", facets: [], limit: 5 });
    expect(rows.map(({ email }) => email)).toEqual(rows.map(() => expect.stringContaining("postal-service")));
    const expressions = counter
      .take()
      .statements.flatMap(({ sql, values }) => (/MATCH/.test(sql) ? values : []));
    expect(expressions).toContain('{name email company} : ("postal" AND "servic" AND "examp")');
    expect(expressions).toContainEqual(expect.stringContaining('("postal") AND ("service") AND ("example")'));
    expect(expressions.filter((text) => /"\*/.test(String(text)))).toEqual([]);
  });

  it("finds a prefix with too many words for an expansion, newest first", async () => {
    await env.CRM_DB.prepare(
      `WITH RECURSIVE n (i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 700)
       INSERT INTO contacts (id, first_name, last_name, email, created_at, created_by, created_by_name, updated_at,
         updated_by, updated_by_name)
       SELECT 'con_many' || i, 'Max', 'Many', 'subscriber' || i || '@many.example', '', 'x', 'X', '', 'x', 'X' FROM n`,
    ).run();
    const { data } = await session.call("crm_find_contacts", { query: "subscriber", limit: 3 });
    expect(data.contacts.map(({ id }: { id: string }) => id)).toEqual([
      "con_many700",
      "con_many699",
      "con_many698",
    ]);
    expect((await findAll({ query: "subscriber12" }, 4)).rows).toHaveLength(10);
  });

  it("finds a name in another script by its prefix, with the marks of its letters", async () => {
    await addContact("con_script0", "Андрей Йорданов");
    await addContact("con_script1", "Ann Other", { email: "йорданов@post.example" });
    await addContact("con_script2", "กิตติ สุขสันต์");
    const ids = async (query: string) => (await findAll({ query }, 5)).rows.map(({ id }) => id);
    expect(await ids("йорда")).toEqual(["con_script0", "con_script1"]);
    expect(await ids("йорданво")).toEqual(["con_script0", "con_script1"]);
    expect(await ids("สุขสัน")).toEqual(["con_script2"]);
  });

  it("corrects a typing error and marks the result", async () => {
    for (const query of ["Johana", "Johnana", "Smtihers", "Norhtwind"]) {
      const { rows, match } = await findAll({ query }, 50);
      expect(match, query).toBe("similar_spelling");
      expect(rows.length, query).toBeGreaterThan(0);
    }
  });

  it("falls back to all words but one, each person once", async () => {
    const { rows, match } = await findAll({ query: "johanna quetzalcoatl" }, 3);
    expect(match).toBe("some_words");
    expect(rows.map(({ name }) => name.split(" ")[0])).toEqual(LAST.map(() => "Johanna"));
  });

  it("follows a company to its new name", async () => {
    await env.CRM_DB.prepare("UPDATE companies SET name = 'Vermilion' WHERE id = 'cmp_3'").run();
    const { rows } = await findAll({ query: "vermilion" }, 50);
    expect(rows).toHaveLength(people.filter(({ companyId }) => companyId === "cmp_3").length);
    expect((await findAll({ query: "zoe labs" }, 50)).match).not.toBe("all_words");
  });

  it("does not find a deleted person", async () => {
    await env.CRM_DB.prepare("DELETE FROM contacts WHERE id = 'con_0x0'").run();
    const { rows } = await findAll({ query: "ann smith" }, 50);
    expect(rows.map(({ id }) => id)).not.toContain("con_0x0");
  });
});
