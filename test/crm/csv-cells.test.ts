import { env } from "cloudflare:workers";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readCsv, writeCsv } from "../../workers/crm/csv/format.ts";
import { openSession, type TestSession } from "../support/session.ts";
import { addCompany, addContact, addDeal } from "./rows.ts";

let opened: Promise<TestSession> | undefined;

/** One session serves every test. */
/** Columns that every write sets, and those that the Worker derives from others. */
const DERIVED = /^(version|updated_(at|by|by_name)|folded_\w+|match_\w+|e164)$/;

function open(): Promise<TestSession> {
  opened ??= openSession({ server: "crm", lane: "stateless" });
  return opened;
}

interface Row {
  row: number;
  column: string | null;
  problem: string;
}

/** The excluded rows of a dry run, as row, column and reason. */
function listProblems(data: { problems: Row[] }) {
  return data.problems.map(({ row, column, problem }) => [row, column, problem]);
}

/** Imports a file; returns the answer of the second call. */
async function importAll(args: Record<string, unknown>) {
  const dry = await (await open()).call("crm_import_csv", args);
  expect(dry.error).toBeUndefined();
  return (await (await open()).call("crm_import_csv", { ...args, confirm: dry.data.confirm })).data;
}

const list = async (sql: string, ...values: string[]) =>
  (
    await env.CRM_DB.prepare(sql)
      .bind(...values)
      .all()
  ).results;

describe("numbers of employees in a file", () => {
  it("are whole numbers with or without zero decimals, and nothing is guessed", async () => {
    const csv = [
      "name,domain,employees",
      "Alfa,alfa-one.example,250.0",
      "Beta,beta-one.example,1200.0",
      "Gamma,gamma-one.example,1.5",
      'Delta,delta-one.example,"1,200"',
      "Eps,eps-one.example,1-10",
      "Zeta,zeta-one.example,1.000",
      "Omega,omega-one.example,1.200",
      'Eta,eta-one.example,"1,234.00"',
      "Theta,theta-one.example,１２",
      "Iota,iota-one.example,0",
    ].join("\n");
    const data = await importAll({ record: "company", csv });
    expect(listProblems(data)).toEqual([
      [4, "employees", "Expected one whole number, such as 250."],
      [6, "employees", "Expected one whole number, such as 250."],
      [7, "employees", expect.stringContaining("may mean thousands or a fraction")],
      [11, "employees", "Expected a number from 1 up."],
    ]);
    expect(
      await list("SELECT name, employees FROM companies WHERE domain LIKE '%-one.example' ORDER BY seq"),
    ).toEqual([
      { name: "Alfa", employees: 250 },
      { name: "Beta", employees: 1200 },
      { name: "Delta", employees: 1200 },
      { name: "Omega", employees: 1200 },
      { name: "Eta", employees: 1234 },
      { name: "Theta", employees: 12 },
    ]);
  });

  it("depend on the file's kind of spreadsheet where a comma is a decimal mark", async () => {
    const csv =
      "name;domain;employees\nSemi;semi.example;1.200\nSemi2;semi2.example;250,0\nSemi3;semi3.example;2,5";
    const data = await importAll({ record: "company", csv });
    expect(listProblems(data)).toEqual([[4, "employees", expect.stringContaining("whole number")]]);
    expect(await list("SELECT employees FROM companies WHERE domain LIKE 'semi%' ORDER BY seq")).toEqual([
      { employees: 1200 },
      { employees: 250 },
    ]);
  });
});

describe("names in one column", () => {
  it.each([
    ['"Jensen, Mia"', "Mia", "Jensen"],
    ['"van der Berg, Anna"', "Anna", "van der Berg"],
    ["Dr. Otto Schmidt Jr.", "Dr. Otto", "Schmidt Jr."],
    ["Ludwig van Beethoven", "Ludwig", "van Beethoven"],
    ["Vincent Van Gogh", "Vincent", "Van Gogh"],
    ["Juan De La Cruz", "Juan", "De La Cruz"],
    ["José Ortega y Gasset", "José", "Ortega y Gasset"],
    ['"John Smith, PhD"', "John", "Smith PhD"],
    ['"King, Martin Luther, Jr."', "Martin Luther", "King Jr."],
    ["Madonna", "", "Madonna"],
    ["山田太郎", "", "山田太郎"],
    ["山田 太郎", "太郎", "山田"],
    ["Anna Maria Müller", "Anna Maria", "Müller"],
    ["Jack Ma", "Jack", "Ma"],
  ])("%s is «%s» and «%s»", async (cell, first, last) => {
    const email = `n${crypto.randomUUID()}@names.example`;
    const data = await importAll({ record: "contact", csv: `Name,Email\n${cell},${email}` });
    expect(data).toMatchObject({ written: 1, problems: [] });
    expect(await list("SELECT first_name, last_name FROM contacts WHERE email = ?", email)).toEqual([
      { first_name: first, last_name: last },
    ]);
    const { data: found } = await (await open()).call("crm_find_contacts", { query: email });
    expect(found.contacts[0].name).toBe(`${first} ${last}`.trim());
  });

  it("with several readings are excluded, and a column of last names next to first names is read as such", async () => {
    const csv =
      'Vorname,Name,Email\n,"A, B, C",abc@names.example\nRosa,Luz Alba,rosa@names.example\nMia,Mia Holm,holm@names.example\nUma,,uma@names.example';
    const data = await importAll({ record: "contact", csv });
    expect(listProblems(data)).toEqual([[2, "Name", expect.stringContaining("several commas")]]);
    const sql = "SELECT first_name, last_name FROM contacts WHERE email IN (?, ?, ?) ORDER BY seq";
    expect(await list(sql, "rosa@names.example", "holm@names.example", "uma@names.example")).toEqual([
      { first_name: "Rosa", last_name: "Luz Alba" },
      { first_name: "Mia", last_name: "Holm" },
      { first_name: "", last_name: "Uma" },
    ]);
  });

  it("of one word do not replace a stored full name", async () => {
    await addContact("con_whole", "Greta Ganz", { email: "greta@names.example" });
    const csv = "Name,Email,Phone\nGreta,greta@names.example,0221 5550123";
    await importAll({ record: "contact", csv, on_duplicate: "update" });
    expect(await list("SELECT first_name, last_name, phone FROM contacts WHERE id = 'con_whole'")).toEqual([
      { first_name: "Greta", last_name: "Ganz", phone: "0221 5550123" },
    ]);
  });
});

describe("a file's first lines", () => {
  it.each([
    ["sep=;\r\nname;domain\r\nSeparated;NR.example", 2],
    ['\uFEFF"sep=|"\nname|domain\nSeparated|NR.example', 2],
    ["sep=\\t\nname\tdomain\nSeparated\tNR.example", 2],
    ["SEP=#\nname#domain\nSeparated#NR.example", 2],
    ["\r\n\r\n;;\r\nname;domain\r\nSeparated;NR.example", 5],
    ["sep=,\n\nname,domain\nSeparated,NR.example", 3],
    ["ï»¿name,domain\nSeparated,NR.example", 2],
  ])("may name the separator or be empty: %j", async (text, row) => {
    const csv = text.replace("NR", crypto.randomUUID());
    const { data } = await (await open()).call("crm_import_csv", { record: "company", csv });
    expect(data).toMatchObject({ create: 1, problems: [], columns: { name: "name", domain: "domain" } });
    const { data: broken } = await (await open()).call("crm_import_csv", {
      record: "company",
      csv: csv.replace(/[^;|\t#,]+\.example/, "no domain at all"),
    });
    expect(broken.problems).toMatchObject([{ row, column: "domain" }]);
  });
});

describe("columns of one name", () => {
  it("are both reported, with their mapping, and the second can be chosen", async () => {
    const csv = "First Name,Last Name,Email,email,,\nA,B,,second@c3.example,x,y";
    const args = { record: "contact", csv };
    const { data } = await (await open()).call("crm_import_csv", args);
    expect(data.columns).toEqual({
      "First Name": "first_name",
      "Last Name": "last_name",
      Email: "email",
      "email (2)": null,
      "Column 5": null,
      "Column 6": null,
    });
    await importAll({ ...args, columns: { "email (2)": "email" } });
    expect(await list("SELECT last_name FROM contacts WHERE email = 'second@c3.example'")).toHaveLength(1);
  });
});

describe("text in a wrong encoding", () => {
  it.each([
    "MÃ¼ller",
    "Ð˜Ð²Ð°Ð½",
    "å±±ç”°",
    "Dâ€™Arc",
    "M√ºller",
    "M├╝ller",
    "Ïðèâåò",
    "Ã–sterreich",
    "M\uFFFDller",
    "GroÃŸ",
  ])("%s is reported by row and column, and the row is excluded", async (cell) => {
    const csv = `first_name,last_name,email,note\nGood,Row,${crypto.randomUUID()}@e.example,${cell}\nBad,${cell},bad@e.example,`;
    const { data } = await (await open()).call("crm_import_csv", { record: "contact", csv });
    expect(data.create).toBe(1);
    expect(listProblems(data)).toEqual([[3, "last_name", expect.stringContaining("wrong encoding")]]);
  });

  it.each([
    "Müller",
    "Ñuñoa",
    "Þórður",
    "Ελλάδα",
    "Иван",
    "Łódź",
    "A–Ä–Ö",
    "Weiß™",
    "«Gruß»",
    "ÅÄÖ",
    "São",
    "MANHÃ”",
    "山田",
    "İstanbul",
    "Zoë’s",
  ])("%s is not reported", async (cell) => {
    const csv = `first_name,last_name,email\nGood,${cell},${crypto.randomUUID()}@e.example`;
    const { data } = await (await open()).call("crm_import_csv", { record: "contact", csv });
    expect(listProblems(data)).toEqual([]);
  });
});

describe("an exported file", () => {
  it("begins with the byte order mark for Excel, and contains any cells unchanged", () => {
    const special = fc.constantFrom(
      "'",
      "=",
      ";",
      '"',
      " ",
      "+",
      "-",
      "@",
      "\n",
      ",",
      "＝",
      "a",
      "ü",
      "山",
      "\t",
    );
    const cell = fc
      .oneof(fc.string({ unit: special, maxLength: 12 }), fc.string({ unit: "grapheme", maxLength: 12 }))
      .map((text) => text.trim());
    fc.assert(
      fc.property(fc.array(fc.array(cell, { minLength: 3, maxLength: 3 }), { minLength: 1 }), (rows) => {
        const full = rows.map((cells) => ["x", ...cells]);
        const csv = writeCsv(["a", "b", "c", "d"], full, true);
        expect(csv.startsWith("\uFEFFa,b,c,d\r\n")).toBe(true);
        expect(readCsv(csv).rows.map(({ cells }) => cells)).toEqual(full);
      }),
      { numRuns: 2_000 },
    );
  });

  it("is imported unchanged: every record is found by its id, and an update changes nothing of it", async () => {
    await addCompany("cmp_back", "Back;=to 'Start'", {
      domain: "back.example",
      employees: 1200,
      city: "Köln",
    });
    await addContact("con_back1", "Mononym", { first_name: "", last_name: "山田太郎" });
    await addContact("con_back2", "Twin Same", { company_id: "cmp_back", title: "'=1+1" });
    await addContact("con_back3", "Twin Same", { company_id: "cmp_back", email: "t@back.example" });
    await addDeal("deal_back", "cmp_back", { name: "-5 %; +1", amount_cents: 123_450 });
    const tables = { contact: "contacts", company: "companies", deal: "deals" };
    for (const [record, table] of Object.entries(tables)) {
      const read = () =>
        list(`SELECT * FROM ${table} WHERE id LIKE '%_back%' ORDER BY id`).then((rows) =>
          // What the Worker folds of a row is filled in by the next search or import, whatever the file says.
          rows.map((row) => JSON.stringify(row, (name, value) => (DERIVED.test(name) ? undefined : value))),
        );
      const before = await read();
      const { data } = await (await open()).call("crm_export_csv", { record, whole: true });
      const [file] = await (await open()).readResource(data.all);
      expect(file.text.startsWith("\uFEFFid,")).toBe(true);
      const lines = readCsv(file.text).rows.filter(({ cells }) => /_back/.test(cells[0] ?? ""));
      const csv = writeCsv(
        readCsv(file.text).headers,
        lines.map(({ cells }) => cells),
        true,
      );
      const dry = await (await open()).call("crm_import_csv", { record, csv });
      expect(dry.data).toMatchObject({ create: 0, skip: lines.length, problems: [] });
      await importAll({ record, csv, on_duplicate: "update" });
      expect(await read()).toEqual(before);
    }
  });
});
