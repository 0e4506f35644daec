import { beforeAll, describe, expect, it } from "vitest";
import { openSession, type TestSession } from "../support/session.ts";
import { addCompany, addContact, addDeal, addOwner, dayAhead } from "./rows.ts";

let session: TestSession;

beforeAll(async () => {
  await addOwner("own_ann1", "Ann Smith", "ann.smith@gatehouse.example");
  await addOwner("own_ann2", "Ann Jones", "ann.jones@gatehouse.example");
  await addCompany("cmp_acme", "Acme");
  await addCompany("cmp_globex", "Globex North");
  await addCompany("cmp_globex2", "Globex South");
  await addContact("con_acme", "Art Acme", { company_id: "cmp_acme" });
  await addDeal("deal_globex", "cmp_globex");
  session = await openSession({ server: "crm", lane: "stateless" });
});

describe("an invalid argument is refused with a valid alternative", () => {
  it.each<[string, Record<string, unknown>, string, string]>([
    ["crm_find_contacts", {}, "invalid_input", "Give a query"],
    ["crm_find_contacts", { query: "!!!" }, "invalid_input", "no letter or digit"],
    ["crm_find_contacts", { query: "a", limit: 1_000_000 }, "invalid_input", "limit"],
    ["crm_find_contacts", { query: "a".repeat(201) }, "invalid_input", "query"],
    ["crm_find_contacts", { company_id: "con_acme" }, "invalid_input", "crm_find_companies"],
    ["crm_find_contacts", { query: "a", cursor: "bm9uc2Vuc2U" }, "invalid_input", "not one that this tool"],
    ["crm_find_contacts", { query: "a", cursor: "%%%" }, "invalid_input", "not one that this tool"],
    ["crm_find_companies", { owner: "Nobody" }, "not_found", 'No owner is called "Nobody"'],
    ["crm_find_companies", { owner: "ann" }, "invalid_input", "fits several owners"],
    ["crm_find_companies", { owner: "me" }, "not_found", "no owner has your e-mail"],
    ["crm_get_customer", { customer: "globex" }, "invalid_input", "fits several customers"],
    ["crm_get_customer", { customer: "zzyzx" }, "not_found", "No company or contact"],
    ["crm_get_customer", { customer: "cmp_none" }, "not_found", "No company or contact"],
    ["crm_list_deals", { min_amount: 10, max_amount: 5 }, "invalid_input", "greater than max_amount"],
    ["crm_list_deals", { min_amount: -1 }, "invalid_input", "min_amount"],
    ["crm_list_deals", { stage: ["done"] }, "invalid_input", "stage.0"],
    ["crm_list_deals", { closing_before: "2026-02-30" }, "invalid_input", "YYYY-MM-DD"],
    ["crm_list_deals", { min_ammount: 5 }, "invalid_input", "min_ammount"],
    ["crm_create_contact", { first_name: "A" }, "invalid_input", "last_name"],
    ["crm_create_contact", { first_name: " ", last_name: "B" }, "invalid_input", "first_name"],
    ["crm_create_contact", { first_name: "A\u0000", last_name: "B" }, "invalid_input", "Control characters"],
    [
      "crm_create_contact",
      { first_name: "A", last_name: "B", email: "a@b" },
      "invalid_input",
      "e-mail address",
    ],
    ["crm_create_contact", { first_name: "A", last_name: "B", phone: "call me" }, "invalid_input", "digits"],
    ["crm_create_contact", { first_name: "A", last_name: "B", company_id: "cmp_x" }, "not_found", "cmp_x"],
    ["crm_create_contact", { first_name: "A", last_name: "B", idempotency_key: "1" }, "invalid_input", "8"],
    ["crm_update_contact", { contact_id: "con_acme", version: 1 }, "invalid_input", "at least one field"],
    ["crm_update_contact", { contact_id: "con_none", version: 1, title: "X" }, "not_found", "con_none"],
    ["crm_update_contact", { contact_id: "con_acme", version: 0, title: "X" }, "invalid_input", "version"],
    ["crm_move_deal", { deal_id: "deal_none", version: 1, stage: "lost" }, "not_found", "deal_none"],
    ["crm_log_activity", { kind: "note", subject: "S" }, "invalid_input", "Name a contact_id"],
    ["crm_log_activity", { kind: "fax", subject: "S", company_id: "cmp_acme" }, "invalid_input", "kind"],
    [
      "crm_log_activity",
      { kind: "note", subject: "S", contact_id: "con_acme", deal_id: "deal_globex" },
      "invalid_input",
      "do not belong to the same company",
    ],
    [
      "crm_log_activity",
      { kind: "meeting", subject: "S", company_id: "cmp_acme", occurred_at: dayAhead(3) },
      "invalid_input",
      "in the future",
    ],
    [
      "crm_log_activity",
      { kind: "meeting", subject: "S", company_id: "cmp_acme", occurred_at: "yesterday" },
      "invalid_input",
      "Expected a day",
    ],
  ])("%s %j", async (tool, args, code, text) => {
    const { isError, error } = await session.call(tool, args);
    expect(isError).toBe(true);
    expect(error?.code).toBe(code);
    expect(`${error?.message} ${error?.suggested_action}`).toContain(text);
  });

  it("refuses a cursor that belongs to another search", async () => {
    const { data } = await session.call("crm_find_companies", { query: "globex", limit: 1 });
    const other = { query: "acme", limit: 1, cursor: data.next_cursor };
    const { error } = await session.call("crm_find_companies", other);
    expect(error?.message).toContain("search with other arguments");
  });

  it("refuses a cursor of another app, of a colleague, of another tool, and one that was changed", async () => {
    const args = { query: "globex", limit: 1 };
    const { data } = await session.call("crm_find_companies", args);
    const cursor = String(data.next_cursor);
    const [position = "", ...signature] = cursor.split(".");
    const moved = Buffer.from(position, "base64url")
      .toString()
      .replace(/"seq":\d+/, '"seq":999999');
    const forged = [Buffer.from(moved).toString("base64url"), ...signature].join(".");
    const app = await openSession({ server: "crm", lane: "stateless" });
    const bob = await openSession({ server: "crm", lane: "stateless", as: "bob" });
    const refused = [
      await app.call("crm_find_companies", { ...args, cursor }),
      await bob.call("crm_find_companies", { ...args, cursor }),
      await session.call("crm_find_contacts", { ...args, cursor }),
      await session.call("crm_find_companies", { ...args, cursor: forged }),
      await session.call("crm_find_companies", { ...args, cursor: position }),
    ];
    for (const { error } of refused) expect(error?.message).toContain("not one that this tool returned");
    expect((await session.call("crm_find_companies", { ...args, cursor })).isError).toBeFalsy();
  });

  it("has no recent customer in a session that has not looked at one", async () => {
    const fresh = await openSession({ server: "crm", lane: "sessionful" });
    const { error } = await fresh.call("crm_get_customer");
    expect(error?.message).toContain("not looked at any company yet");
    await fresh.close();
  });
});

describe("text with special characters for a database stays text", () => {
  it.each([
    'acme" OR name:*',
    "acme AND NOT globex",
    "NEAR(acme globex)",
    "name:acme",
    "' OR 1=1 --",
    "^acme*",
    "facets:acme",
    "नमस्ते दुनिया",
    "\u{a7ca}x y",
    "日本語",
    "x\u0302y",
  ])("searches for %j without an error", async (query) => {
    const { isError } = await session.call("crm_find_contacts", { query });
    expect(isError).toBe(false);
  });

  it("takes a region with punctuation as a name", async () => {
    await addCompany("cmp_far", "Far Ltd", { region: "Asia Pacific" });
    const { data } = await session.call("crm_find_companies", { region: 'asia-"pacific" OR' });
    expect(data.companies).toEqual([]);
    const found = await session.call("crm_find_companies", { region: "asia-pacific" });
    expect(found.data.companies.map(({ id }: { id: string }) => id)).toEqual(["cmp_far"]);
  });

  it("stores hostile text as it is", async () => {
    const name = "Robert'); DROP TABLE contacts;--";
    const { data } = await session.call("crm_create_contact", { first_name: name, last_name: "<script>" });
    expect(data.contact.name).toBe(`${name} <script>`);
    expect((await session.call("crm_find_contacts", { query: "robert drop" })).data.contacts).toHaveLength(1);
  });

  it("takes wildcards in an owner's name literally", async () => {
    const { error } = await session.call("crm_find_companies", { owner: "%" });
    expect(error?.code).toBe("not_found");
  });
});
