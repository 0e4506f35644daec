import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { bundledPolicy } from "../../shared/policy/bundled.ts";
import { masksOf } from "../../shared/policy/masks.ts";
import { foldAll } from "../../workers/crm/search/fold-pending.ts";
import { type CrmStore, openCrmStore } from "../../workers/crm/store.ts";
import { openSession, type TestSession } from "../support/session.ts";
import { addCompany, addContact, addDeal, countRows } from "./rows.ts";

/** Contacts with first and last name, companies and deals, with queries that must find them. */
const PEOPLE = [
  ["con_lukasz", "Øystein", "Łukasiewicz", ["lukasiewicz", "oystein", "ØYSTEIN łukasiewicz", "luka"]],
  ["con_weiss", "Anna", "Weiß", ["weiss", "WEISS anna", "Weiß", "wei"]],
  ["con_yolka", "Ольга", "Ёлкина", ["елкина", "ЁЛКИНА", "елк"]],
  ["con_jod", "Сергей", "Йодов", ["ЙОДОВ", "сергей"]],
  ["con_odos", "ΆΝΝΑ", "ΟΔΌΣ", ["οδος", "αννα οδός", "ΆΝΝΑ"]],
  ["con_kutub", "أحمد", "الكُتُب", ["احمد", "الكتب"]],
  ["con_shalom", "דָּנִי", "שָׁלוֹם", ["דני", "שלום"]],
  ["con_yamada", "太郎", "山田", ["太郎 山田", "山田 太郎", "山田太郎", "太郎", "山", "やまだ不在 山田"]],
  ["con_taka", "花子", "髙橋", ["高橋", "髙橋花子"]],
  ["con_one", "", "佐藤次郎", ["次郎", "佐藤", "次郎 佐藤"]],
  ["con_kim", "철수", "김", ["김철수", "철수"]],
  ["con_sak", "ศักดิ์", "สมชาย", ["สมชาย", "ศักดิ์", "ชาย"]],
  ["con_hindi", "राज", "हिन्दीवाला", ["हिन्दी", "राज"]],
  ["con_ligature", "Ｓａｍ", "ﬁeld", ["sam", "field"]],
  ["con_duc", "Đức", "Đặng Văn", ["duc dang", "van"]],
  ["con_irish", "Seán", "Ó’Briain", ["obriain", "o'briain", "sean"]],
] as const;

let session: TestSession;
let store: CrmStore;

beforeAll(async () => {
  await addCompany("cmp_obb", "ÖBB", { country: "Austria", phone: "01 5550199" });
  await addCompany("cmp_han", "使用API科技有限公司", { country: "China", domain: "münchen.example" });
  await addCompany("cmp_norge", "Fjellbygg", { country: "Norway" });
  for (const [id, first, last] of PEOPLE) await addContact(id, "", { first_name: first, last_name: last });
  await addDeal("deal_thai", "cmp_obb", { name: "ระบบคืนเงิน" });
  await addDeal("deal_strasse", "cmp_norge", { name: "Große Straße" });
  session = await openSession({ server: "crm", lane: "stateless" });
  store = openCrmStore(env.CRM_DB, masksOf(bundledPolicy(), "admin"));
});

const findPeople = async (query: string) =>
  (await session.call("crm_find_contacts", { query })).data.contacts.map(({ id }: { id: string }) => id);

describe("people", () => {
  it.each(
    PEOPLE.flatMap(([id, , , queries]) =>
      queries.filter((query) => !query.includes("不在")).map((query) => [query, id] as const),
    ),
  )("are found by %s (%s)", async (query, id) => {
    expect(await findPeople(query)).toContain(id);
  });

  it("are not found by a word that only shares letters", async () => {
    for (const text of ["田山", "иодов", "郎太", "คน"]) {
      const { rows } = await store.contacts.search({ text, facets: [], limit: 5, exactly: true });
      expect(rows, text).toEqual([]);
    }
  });

  it("are found by their new name, and no longer by the old one, right after a change", async () => {
    const { data } = await session.call("crm_create_contact", { first_name: "Żaneta", last_name: "Błąd" });
    const { id, version } = data.contact;
    expect(await findPeople("blad")).toEqual([id]);
    await session.call("crm_update_contact", { contact_id: id, version, last_name: "Wąż" });
    expect(await findPeople("waz")).toEqual([id]);
    const page = await store.contacts.search({ text: "blad", facets: [], limit: 5, exactly: true });
    expect(page.rows).toEqual([]);
    await session.call("crm_update_contact", {
      contact_id: id,
      version: version + 1,
      last_name: "Plain",
      first_name: "Jane",
    });
    expect(await findPeople("jane plain")).toEqual([id]);
  });

  it("are found by their company's new name", async () => {
    await addCompany("cmp_renamed", "Alt");
    await addContact("con_renamed", "Per Hansen", { company_id: "cmp_renamed" });
    expect(await findPeople("hansen alt")).toEqual(["con_renamed"]);
    await session.call("crm_update_company", { company_id: "cmp_renamed", version: 1, name: "Grønn Energi" });
    expect(await findPeople("hansen gronn")).toEqual(["con_renamed"]);
  });
});

describe("companies and deals", () => {
  it.each([
    ["obb", "cmp_obb"],
    ["öbb", "cmp_obb"],
    ["API", "cmp_han"],
    ["科技", "cmp_han"],
    ["api科技", "cmp_han"],
    ["munchen", "cmp_han"],
    ["公司", "cmp_han"],
  ])("%s finds %s", async (query, id) => {
    const { data } = await session.call("crm_find_companies", { query });
    expect(data.companies.map((company: { id: string }) => company.id)).toContain(id);
  });

  it("are found by a name in another spelling", async () => {
    for (const customer of ["öbb", "ÖBB", "obb", "FJELLBYGG"]) {
      const { data } = await session.call("crm_get_customer", { customer });
      expect(["cmp_obb", "cmp_norge"]).toContain(data.company.id);
    }
  });

  it.each([
    ["คืนเงิน", "deal_thai"],
    ["strasse", "deal_strasse"],
    ["GROSSE", "deal_strasse"],
  ])("%s finds %s", async (text, id) => {
    const page = await store.deals.search({ text, facets: [], limit: 5 });
    expect(page.rows.map((deal) => deal.id)).toContain(id);
  });
});

describe("telephone numbers", () => {
  beforeAll(async () => {
    await addContact("con_phone", "Kari Nordmann", { company_id: "cmp_norge", phone: "22 12 34 56 x12" });
  });

  it.each(["22123456", "+47 22 12 34 56", "2212 3456 ext. 7", "4722123", "0047 22123456"])(
    "%s finds who has it",
    async (query) => {
      expect(await findPeople(query)).toEqual(["con_phone"]);
    },
  );

  it("find companies too, and no person by fewer than seven digits", async () => {
    const { data } = await session.call("crm_find_companies", { query: "5550199" });
    expect(data.companies.map((company: { id: string }) => company.id)).toEqual(["cmp_obb"]);
    expect(await findPeople("123456")).toEqual([]);
  });

  it("find no person for a role that does not see them", async () => {
    const viewer = await openSession({ server: "crm", lane: "stateless", as: "vera", role: "viewer" });
    const people = await viewer.call("crm_find_contacts", { query: "22123456" });
    expect(people.error?.code).toBe("not_found");
    const { data } = await viewer.call("crm_find_companies", { query: "5550199" });
    expect(data.companies).toEqual([]);
  });

  it("are not found after the number is removed", async () => {
    await addContact("con_gone", "Gone Number", { phone: "+49 30 7654321" });
    expect(await findPeople("307654321")).toEqual(["con_gone"]);
    await session.call("crm_update_contact", { contact_id: "con_gone", version: 1, phone: null });
    expect(await findPeople("307654321")).toEqual([]);
  });
});

describe("rows of an earlier version", () => {
  it("are folded slice by slice, and one that changes meanwhile stays marked", async () => {
    const db = env.CRM_DB;
    // In the state after a migration: written by SQL alone, and marked.
    await db.batch([
      db.prepare("DELETE FROM contacts_fts"),
      db.prepare(
        "INSERT INTO contacts_fts (rowid, name, email, company, facets) SELECT seq, name, email, company, facets FROM contacts_search_text",
      ),
      db.prepare("UPDATE contacts SET folded_name = NULL, folded_phone = NULL, e164 = NULL"),
      db.prepare("DELETE FROM unfolded"),
      db.prepare("INSERT INTO unfolded (kind, seq) SELECT 'contacts', seq FROM contacts_to_fold"),
    ]);
    expect(await foldAll(db, 3)).toBe(3);
    const left = (await countRows("unfolded")) ?? 0;
    expect(left).toBeGreaterThan(5);
    expect(await foldAll(db, 10_000)).toBe(left);
    expect(await countRows("unfolded")).toBe(0);
    expect(await findPeople("lukasiewicz")).toEqual(["con_lukasz"]);
  });

  it("are skipped where the row was changed after it was read", async () => {
    const db = env.CRM_DB;
    await addContact("con_race", "Zoë Ågren");
    // Another call changes the row between reading and writing.
    const racing = {
      prepare: (sql: string) => db.prepare(sql),
      batch: async (statements: D1PreparedStatement[]) => {
        await db.prepare("UPDATE contacts SET last_name = 'Ödmann' WHERE id = 'con_race'").run();
        racing.batch = (more) => db.batch(more);
        return await db.batch(statements);
      },
    };
    await foldAll(racing as unknown as D1Database, 1);
    expect(await findPeople("odmann")).toEqual(["con_race"]);
    expect(await findPeople("agren")).toEqual([]);
  });
});
