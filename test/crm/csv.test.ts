import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { readCsv } from "../../workers/crm/csv/format.ts";
import { keysOf } from "../../workers/crm/imports/import-lookups.ts";
import { foldAll } from "../../workers/crm/search/fold-pending.ts";
import { liftDenials } from "../support/policy.ts";
import { LANES, openSession } from "../support/session.ts";
import { addCompany, addContact, addDeal, addOwner, countRows } from "./rows.ts";

beforeAll(async () => {
  await addOwner("own_ines", "Ines Import", "ines@csv.example");
  await addCompany("cmp_nord", "Nordwind GmbH", { domain: "nordwind.example", owner_id: "own_ines" });
});

describe.each(LANES)("importing contacts on the %s lane", (lane) => {
  const at = (name: string) => `${name}.${lane}@csv.example`;
  const file = () =>
    [
      "Vorname;Nachname;E-Mail;Telefon;Firma;Besitzer;Farbe",
      `Nina;Neu;${at("nina")};'+49 221 5550100;nordwind gmbh;;rot`,
      `Karl;Kaputt;karl(at)csv.example;;Nordwind GmbH;;`,
      `Frieda;Fremd;${at("frieda")};;Nirgendwo AG;;`,
      `Nina;Neu;${at("nina").toUpperCase()};;;;`,
      `"Bert ""B.""";Bekannt;${at("bert")};;;ines@csv.example;`,
      ";;;;;;",
      `Otto;Ohne;;;;Niemand;`,
    ].join("\r\n");

  it("names every problem by row and column, imports the rest once, and can be undone", async () => {
    await addContact(`con_bert${lane}`, "Bert Bekannt", { email: at("bert"), title: "Chef" });
    const session = await openSession({ server: "crm", lane });
    const args = { record: "contact", csv: file(), columns: { Besitzer: "owner" } };
    const dry = await session.call("crm_import_csv", args);
    expect(dry.data).toMatchObject({ rows: 6, create: 1, update: 0, skip: 1, done: false });
    expect(dry.data.columns).toEqual({
      Vorname: "first_name",
      Nachname: "last_name",
      "E-Mail": "email",
      Telefon: "phone",
      Firma: "company",
      Besitzer: "owner",
      Farbe: null,
    });
    const problems = dry.data.problems.map((problem: { row: number; column: string; problem: string }) => [
      problem.row,
      problem.column,
      problem.problem,
    ]);
    expect(problems).toEqual([
      [3, "E-Mail", expect.stringContaining("Expected an e-mail address")],
      [4, "Firma", expect.stringContaining("create it first")],
      [5, "E-Mail", "The same person stands in row 2."],
      [8, "Besitzer", expect.stringContaining("e-mail address")],
    ]);
    expect(dry.data.on_file).toEqual([{ row: 6, id: `con_bert${lane}`, same: "email" }]);
    expect(await countRows("contacts WHERE email = ?", at("nina"))).toBe(0);

    const { data } = await session.call("crm_import_csv", { ...args, confirm: dry.data.confirm });
    expect(data).toMatchObject({ done: true, create: 1, undo_until: expect.any(String) });
    const row = await env.CRM_DB.prepare("SELECT * FROM contacts WHERE email = ?").bind(at("nina")).first();
    expect(row).toMatchObject({ company_id: "cmp_nord", phone: "+49 221 5550100", created_by_name: "alice" });
    const found = await session.call("crm_find_contacts", { query: at("nina") });
    expect(found.data.contacts).toHaveLength(1);

    const again = await session.call("crm_import_csv", { ...args, confirm: dry.data.confirm });
    expect(again.data).toMatchObject({ done: true, replayed: true, change_id: data.change_id });
    expect(await countRows("contacts WHERE email = ?", at("nina"))).toBe(1);
    // A new record with a later note is not removed.
    const note = await session.call("crm_log_activity", { kind: "note", subject: "S", contact_id: row?.id });
    const blocked = await session.call("crm_undo_change", { change_id: data.change_id });
    expect(blocked.error).toMatchObject({ code: "conflict" });
    await env.CRM_DB.prepare("DELETE FROM activities WHERE id = ?").bind(note.data.activity.id).run();
    const undone = await session.call("crm_undo_change", { change_id: data.change_id });
    expect(undone.data).toMatchObject({ rows: 1 });
    expect(await countRows("contacts WHERE email = ?", at("nina"))).toBe(0);
    const repeated = await session.call("crm_import_csv", args);
    expect(repeated.data).toMatchObject({ done: false, create: 1 });
    const second = await session.call("crm_import_csv", { ...args, confirm: repeated.data.confirm });
    expect(await countRows("contacts WHERE email = ?", at("nina"))).toBe(1);
    await session.call("crm_undo_change", { change_id: second.data.change_id });
  });

  it("updates known addresses when requested, and keeps values where cells are empty", async () => {
    await addContact(`con_upd${lane}`, "Ulla Update", {
      email: at("ulla"),
      title: "Old",
      phone: "0221 1234567",
    });
    const session = await openSession({ server: "crm", lane });
    const csv = `Full name,Email,Job title,Phone\nUlla Update,${at("ulla")},New,\n`;
    const args = { record: "contact", csv, on_duplicate: "update" };
    const dry = await session.call("crm_import_csv", args);
    expect(dry.data).toMatchObject({ create: 0, update: 1 });
    const bob = await openSession({ server: "crm", lane, as: "bob" });
    await bob.call("crm_update_contact", { contact_id: `con_upd${lane}`, version: 1, title: "Bob's" });
    const late = await session.call("crm_import_csv", { ...args, confirm: dry.data.confirm });
    expect(late.data).toMatchObject({ done: true, written: 0, remaining: 0 });
    expect(late.data.problems).toEqual([
      { row: 2, column: null, problem: expect.stringContaining("Changed by another user") },
    ]);
    const fresh = await session.call("crm_import_csv", args);
    const { data } = await session.call("crm_import_csv", { ...args, confirm: fresh.data.confirm });
    const read = () =>
      env.CRM_DB.prepare("SELECT title, phone, version FROM contacts WHERE id = ?")
        .bind(`con_upd${lane}`)
        .first();
    expect(await read()).toEqual({ title: "New", phone: "0221 1234567", version: 3 });
    await session.call("crm_undo_change", { change_id: data.change_id });
    expect(await read()).toMatchObject({ title: "Bob's", phone: "0221 1234567" });
  });
});

describe("files", () => {
  it("of 1 MB are parsed, checked and stored in one call", { timeout: 60_000 }, async () => {
    const line = (index: number) =>
      `Paul,Bulk${index},paul.bulk${index}@csv.example,+49 30 ${1_000_000 + index},Head of long titles ${"x".repeat(90)},nordwind.example`;
    const rows = Array.from({ length: 5_000 }, (_, index) => line(index));
    const csv = ["First name,Last name,Email,Phone,Title,Company", ...rows].join("\n");
    expect(csv.length).toBeGreaterThan(800_000);
    const session = await openSession({ server: "crm", lane: "stateless" });
    const args = { record: "contact", csv };
    const dry = await session.call("crm_import_csv", args);
    expect(dry.data).toMatchObject({ create: 5_000, problems: [] });
    const { data } = await session.call("crm_import_csv", { ...args, confirm: dry.data.confirm });
    expect(data).toMatchObject({ done: true });
    expect(await countRows("contacts WHERE last_name LIKE 'Bulk%'")).toBe(5_000);
  });

  it("are written completely when every cell has its maximum length", async () => {
    const long = (length: number) => "漢".repeat(length);
    // A label of a host name has at most 63 characters in ASCII, and a host name 253.
    const host = Array.from({ length: 4 }, () => long(40)).join(".");
    const row = (index: number) =>
      [long(190) + index, `${host}.x${index}.example`, long(100), long(40), long(100), long(100)].join(",");
    const lines = Array.from({ length: 1_000 }, (_, index) => row(index));
    const csv = ["name,domain,industry,region,city,country", ...lines].join("\n");
    const session = await openSession({ server: "crm", lane: "stateless" });
    const args = { record: "company", csv };
    const dry = await session.call("crm_import_csv", args);
    const { data } = await session.call("crm_import_csv", { ...args, confirm: dry.data.confirm });
    expect(data).toMatchObject({ written: 1_000, problems: [] });
    const where = { region: long(40) };
    const exported = await session.call("crm_export_csv", { record: "company", where, whole: true });
    expect(exported.data).toMatchObject({ rows: 1_000 });
    await session.call("crm_undo_change", { change_id: data.change_id });
    const header = await session.call("crm_import_csv", { record: "company", csv: `${long(201)}\nx` });
    expect(header.error?.message).toContain("first line must name the columns");
  });

  it("bring companies, recognised by web domain", async () => {
    const session = await openSession({ server: "crm", lane: "stateless" });
    const csv =
      "Company name\tWebsite\tEmployees\nNeue Welle\thttps://www.welle.example/de\t1.200\nAlt\tnordwind.example\t3";
    const args = { record: "company", csv };
    const dry = await session.call("crm_import_csv", args);
    expect(dry.data).toMatchObject({
      create: 1,
      skip: 1,
      on_file: [{ row: 3, id: "cmp_nord", same: "domain" }],
    });
    await session.call("crm_import_csv", { ...args, confirm: dry.data.confirm });
    const row = await env.CRM_DB.prepare(
      "SELECT name, employees FROM companies WHERE domain = 'welle.example'",
    ).first();
    expect(row).toEqual({ name: "Neue Welle", employees: 1_200 });
  });

  it("compare people by the keys that the database computes", async () => {
    const people = [
      { first: "Ann", last: "ÖZIL", email: "a+b@c.example", phone: "+49 (221) 555-01.99" },
      { first: "öz", last: "O'Neil", email: "+x@c.example", phone: "12345" },
      { first: "Bo", last: "Li", email: "b@c+d.example", phone: null },
      { first: "Łucja", last: "Weiß", email: "l@münchen.example", phone: "0221 555019 x12" },
      { first: "Ex", last: "Tension", email: "x@c.example", phone: "12345 x99" },
    ];
    for (const [index, { first, last, email, phone }] of people.entries()) {
      await addContact(`con_key${index}`, `${first} ${last}`, { email, phone, company_id: "cmp_nord" });
      await foldAll(env.CRM_DB, 10_000);
      const stored = await env.CRM_DB.prepare(
        "SELECT match_email, match_phone, match_name FROM contacts WHERE id = ?",
      )
        .bind(`con_key${index}`)
        .first();
      const keys = keysOf({ first_name: first, last_name: last, email, phone, company_id: "cmp_nord" });
      expect(stored).toEqual({ match_email: keys.email, match_phone: keys.phone, match_name: keys.name });
    }
  });
});

describe("exporting", () => {
  it("leaves no formula for a spreadsheet that ends cells at semicolons, and removes its own guards on import", async () => {
    const title = 'Chef;=cmd|" /C calc"!A0 ; "+1;-) a;b';
    await addCompany("cmp_split", "Split;@SUM(A1)", { domain: "split.example" });
    await addContact("con_split", "Sam Split", {
      title,
      company_id: "cmp_split",
      email: "sam@split.example",
    });
    const session = await openSession({ server: "crm", lane: "stateless" });
    const chosen = { record: "contact", where: { company_id: "cmp_split" } };
    const { csv } = (await session.call("crm_export_csv", chosen)).data;
    for (const cell of csv.split(/[;\r\n]/)) expect(cell.replace(/^["\s]+/, "")).not.toMatch(/^[=+\-@]/);
    expect(readCsv(csv).rows[0]?.cells).toEqual(expect.arrayContaining([title, "Split;@SUM(A1)"]));
  });

  it("defuses formulas, pages without losing a row, and can be imported by its own columns", async () => {
    await addCompany("cmp_evil", '=HYPERLINK("http://evil.example")', { domain: "evil.example" });
    await addContact("con_evil", "@SUM -2+3", {
      company_id: "cmp_evil",
      email: "x@evil.example",
      phone: "+49 30 99999",
    });
    for (const index of [1, 2, 3]) await addDeal(`deal_evil${index}`, "cmp_evil");
    const session = await openSession({ server: "crm", lane: "stateless" });
    const contacts = await session.call("crm_export_csv", {
      record: "contact",
      where: { company_id: "cmp_evil" },
    });
    const line = `con_evil,"'@SUM","'-2+3",,x@evil.example,"'+49 30 99999","'=HYPERLINK(""http`;
    expect(contacts.data.csv).toContain(line);
    const whole = await session.readResource(contacts.data.all);
    expect(whole[0]).toMatchObject({ mimeType: "text/csv", text: contacts.data.csv });
    const back = await session.call("crm_import_csv", { record: "contact", csv: contacts.data.csv });
    expect(back.data).toMatchObject({
      rows: 1,
      skip: 1,
      on_file: [{ row: 2, id: "con_evil", same: "id" }],
    });
    const ids: string[] = [];
    let cursor: string | undefined;
    do {
      const { data } = await session.call("crm_export_csv", {
        record: "deal",
        where: { company_id: "cmp_evil" },
        limit: 2,
        ...(cursor && { cursor }),
      });
      ids.push(...(data.csv.match(/deal_evil\d/g) ?? []));
      cursor = data.next_cursor;
    } while (cursor !== undefined);
    expect([...new Set(ids)].sort()).toEqual(["deal_evil1", "deal_evil2", "deal_evil3"]);
  });

  it("is for sales and administrators, and shows a role no more than its other answers do", async () => {
    await addContact("con_secretive", "Greta Geheim", {
      email: "greta@geheim.example",
      phone: "+49 40 123456",
    });
    const admin = await openSession({ server: "crm", lane: "stateless" });
    const { all } = (await admin.call("crm_export_csv", { record: "contact" })).data;
    const viewer = await openSession({ server: "crm", lane: "stateless", as: "vera", role: "viewer" });
    expect((await viewer.listTools()).map(({ name }: { name: string }) => name)).not.toContain(
      "crm_export_csv",
    );
    await expect(viewer.readResource(all)).rejects.toThrow("crm_export");
    liftDenials("viewer");
    const allowed = await openSession({ server: "crm", lane: "stateless", as: "vera2", role: "viewer" });
    const page = await allowed.call("crm_export_csv", { record: "contact" });
    const [document] = await allowed.readResource(all);
    for (const text of [page.data.csv, document.text]) {
      // Ids of the other rows are random, and could spell the name.
      const own = text.split("\n").filter((line: string) => line.startsWith("con_secretive"));
      expect(own).toEqual([expect.not.stringMatching(/Greta|Geheim|greta|123456/)]);
    }
  });
});
