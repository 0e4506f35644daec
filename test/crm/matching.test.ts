import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { openSession, type TestSession } from "../support/session.ts";
import { addCompany, addContact, addDeal } from "./rows.ts";

let session: TestSession;

beforeAll(async () => {
  await addCompany("cmp_c", "C", { country: "Germany" });
  await addCompany("cmp_acme", "Acme", { domain: "acme.example" });
  await addCompany("cmp_obb", "ÖBB");
  await addCompany("cmp_idn", "Idn", { domain: "münchen.example" });
  await addCompany("cmp_old", "Old", { domain: "old.example:8080" });
  await addContact("con_anna", "Anna Müller", { company_id: "cmp_c" });
  await addContact("con_lucja", "Łucja Weiß", { company_id: "cmp_c" });
  await addContact("con_yolka", "Ольга Ёлкина", { company_id: "cmp_c" });
  await addContact("con_phone", "Pia Phone", { company_id: "cmp_c", phone: "0221 555019 x12" });
  await addContact("con_mail", "Mia Mail", { email: "mailto:mia@old.example" });
  await addDeal("deal_gross", "cmp_obb", { name: "Größe" });
  session = await openSession({ server: "crm", lane: "stateless" });
});

async function plan(record: string, csv: string) {
  return (await session.call("crm_import_csv", { record, csv })).data;
}

describe("people of a file", () => {
  it.each([
    ["ANNA,MÜLLER,C", "con_anna"],
    ["anna,Mu\u0308ller,c", "con_anna"],
    ["Lucja,WEISS,C", "con_lucja"],
    ["ОЛЬГА,ЕЛКИНА,C", "con_yolka"],
  ])("in another spelling of a name at one company are recognised: %s", async (line, id) => {
    const data = await plan("contact", `first_name,last_name,company\n${line}`);
    expect(data).toMatchObject({ create: 0, skip: 1, on_file: [{ row: 2, id, same: "name" }] });
  });

  it.each(["+49 221 555019", "0049 221 555019", "(0221) 555-019", "0221 555019 ext. 7"])(
    "with the same number as %s are on file",
    async (phone) => {
      const data = await plan("contact", `first_name,last_name,phone\nPia,Phone,${phone}`);
      expect(data).toMatchObject({ create: 0, on_file: [{ row: 2, id: "con_phone", same: "phone" }] });
    },
  );

  it("with a number of another country with the same ending are new", async () => {
    const data = await plan("contact", "first_name,last_name,phone\nPia,Phone,+43 221 555019");
    expect(data).toMatchObject({ create: 1, skip: 0 });
  });

  it("with an address that was stored as pasted are recognised", async () => {
    const data = await plan("contact", "first_name,last_name,email\nMia,Mail,Mia <MIA@old.example.>");
    expect(data).toMatchObject({ create: 0, on_file: [{ row: 2, id: "con_mail", same: "email" }] });
  });

  it("are one person in two spellings within the file", async () => {
    const data = await plan("contact", "first_name,last_name,company\nJörg,Groß,C\nJORG,GROSS,C");
    expect(data).toMatchObject({
      create: 1,
      problems: [{ row: 3, problem: "The same person stands in row 2." }],
    });
  });

  it("with punctuation instead of a telephone number are refused", async () => {
    const data = await plan("contact", "first_name,last_name,phone\nA,B,-----");
    expect(data.problems).toMatchObject([{ row: 2, column: "phone" }]);
  });
});

describe("companies of a file", () => {
  it.each([
    ["X,https://www.acme.example:443/", "cmp_acme", "domain"],
    ["Y,acme.example.", "cmp_acme", "domain"],
    ["Z,https://user:pw@acme.example/x?y", "cmp_acme", "domain"],
    ["V,xn--mnchen-3ya.example", "cmp_idn", "domain"],
    ["U,MÜNCHEN.example", "cmp_idn", "domain"],
    ["T,old.example", "cmp_old", "domain"],
    ["öbb,", "cmp_obb", "name"],
    ["OBB,", "cmp_obb", "name"],
  ])("are recognised: %s", async (line, id, same) => {
    const data = await plan("company", `name,website\n${line}`);
    expect(data).toMatchObject({ create: 0, skip: 1, on_file: [{ row: 2, id, same }] });
  });

  it("with an invalid domain are refused", async () => {
    const data = await plan("company", "name,website\nG1,http:\\\\eta1.example");
    expect(data.problems).toMatchObject([{ row: 2, column: "website" }]);
  });

  it("are named by people and deals in any spelling", async () => {
    const people = await plan("contact", "first_name,last_name,company\nNeu,Neumann,öbb");
    expect(people).toMatchObject({ create: 1, problems: [] });
    const deals = await plan("deal", "name,company,amount,expected_close\nGROSSE,obb,5,2027-01-01");
    expect(deals).toMatchObject({ create: 0, on_file: [{ id: "deal_gross" }] });
  });
});

describe("manual input", () => {
  it("is stored normalised, and the same address is a conflict in every spelling", async () => {
    const args = { first_name: "Eve", last_name: "Entry" };
    const made = await session.call("crm_create_contact", {
      ...args,
      email: "mailto:Eve@xn--mnchen-3ya.example",
    });
    expect(made.data.contact.email).toBe("eve@münchen.example");
    const again = await session.call("crm_create_contact", { ...args, email: "<eve@MÜNCHEN.example.>" });
    expect(again.error?.code).toBe("conflict");
    const { data } = await session.call("crm_find_contacts", { query: "Eve <EVE@münchen.example>" });
    expect(data.contacts.map(({ id }: { id: string }) => id)).toEqual([made.data.contact.id]);
    const company = await session.call("crm_create_company", {
      name: "Acme again",
      domain: "https://ACME.example:8443/",
    });
    expect(company.error?.code).toBe("conflict");
  });

  it("shows duplicates with different spellings of the name", async () => {
    await addContact("con_twin", "ŁUCJA WEISS", { company_id: "cmp_c" });
    const { data } = await session.call("crm_find_duplicates", { contact_id: "con_lucja" });
    expect(data.pairs).toMatchObject([{ keep_id: "con_lucja", duplicate_id: "con_twin", same: ["name"] }]);
    await env.CRM_DB.prepare("DELETE FROM contacts WHERE id = 'con_twin'").run();
  });
});
