import { evictAllDurableObjects } from "cloudflare:test";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { addCompany, addContact, addDeal, addOwner, addTask } from "../crm/rows.ts";
import { LANES, openSession } from "../support/session.ts";
import { issueToken } from "../support/token.ts";

const NAME = "Jorinde Quarles";
const EMAIL = "jorinde.quarles@acme.example";
const PHONE = "+49 30 90182077";
const KEY = "AKIAIOSFODNN7EXAMPLE";
/** Values that identify the person, in any answer. */
const PERSONAL = [EMAIL, PHONE, "Jorinde", "Quarles"];

const expectHidden = (answer: unknown) => {
  const text = JSON.stringify(answer);
  for (const value of PERSONAL) expect(text).not.toContain(value);
};

beforeAll(async () => {
  await addOwner("own_1", "Olga Owner", "olga@house.example");
  await addCompany("cmp_1", "Acme Rockets", { phone: "+49 30 90182000", owner_id: "own_1" });
  await addContact("con_1", NAME, {
    email: EMAIL,
    phone: PHONE,
    title: "Head of Sales",
    company_id: "cmp_1",
  });
  await addDeal("deal_1", "cmp_1", { name: `Renewal, ask ${EMAIL}` });
  await addTask("task_1", "2026-01-31", { title: `Call ${PHONE}, key ${KEY}`, company_id: "cmp_1" });
  // Enough people that the answer is too long and the rest is kept.
  const more = Array.from({ length: 90 }, (_, at) => at);
  await addCompany("cmp_2", "Bulk Works");
  for (const at of more) {
    await addContact(`con_bulk${at}`, `Person${at} Bulkmann`, {
      email: `person${at}@bulk.example`,
      phone: `+49 30 555${String(at).padStart(5, "0")}`,
      title: "t".repeat(400),
      company_id: "cmp_2",
    });
  }
});

describe.each(LANES)("a viewer on the %s lane", (lane) => {
  const open = (server = "crm") => openSession({ server, lane, as: "vera", role: "viewer" });

  it("reads people by initial, domain and last digits, in the structured answer and in its text copy", async () => {
    const answer = await (await open()).call("crm_find_contacts", { query: "Acme" });
    expect(answer.data.contacts[0]).toMatchObject({
      id: "con_1",
      name: "J••• Q•••",
      email: "j•••@acme.example",
      phone: "•••77",
      title: "Head of Sales",
      company: "Acme Rockets",
    });
    expect(answer.content[0]).toEqual({ type: "text", text: JSON.stringify(answer.data) });
    expectHidden(answer);
  });

  it("reads a customer, deals and tasks without the personal data in their free text", async () => {
    const session = await open();
    const customer = await session.call("crm_get_customer", { customer: "cmp_1" });
    const deals = await session.call("crm_list_deals", { company_id: "cmp_1" });
    const tasks = await session.call("crm_list_tasks", { company_id: "cmp_1" });
    expect(customer.data.people[0].name).toBe("J••• Q•••");
    expect(deals.data.deals[0].name).toBe("Renewal, ask j•••@acme.example");
    expect(tasks.data.tasks[0].title).toBe("Call •••77, key •••");
    expectHidden([customer, deals, tasks]);
  });

  it("reads resources and prompts masked, also where one is embedded in the other", async () => {
    const session = await open();
    const [company] = await session.readResource("crm://companies/cmp_1");
    const [deal] = await session.readResource("crm://deals/deal_1");
    const prompt = await session.getPrompt("crm_prepare_meeting", { customer: "cmp_1" });
    const listed = await session.listResources();
    expect(JSON.parse(company.text).people).toEqual([
      { id: "con_1", name: "J••• Q•••", title: "Head of Sales" },
    ]);
    expect(prompt.messages[1].content.resource.text).toContain("J••• Q•••");
    expectHidden([company, deal, prompt, listed]);
  });

  it("pages through a kept result that was masked before it was kept", async () => {
    const session = await open();
    const first = await session.call("crm_find_contacts", { query: "Bulk", limit: 50 });
    const { handle, shown, total } = first.data.more;
    const rest = await session.call("context_get", { handle, offset: shown });
    expect(rest.data.rows).toHaveLength(total - shown);
    expect(rest.data.rows[0]).toMatchObject({ name: "P••• B•••" });
    expect(JSON.stringify([first, rest])).not.toMatch(/Bulkmann|person\d+@|555\d{5}/);
  });

  it("finds no person by a part of a name or an address, only by company", async () => {
    const session = await open();
    for (const query of ["Jorinde", "jor", "jorinde.quarles", EMAIL, "Quarlse"]) {
      const answer = await session.call("crm_find_contacts", { query });
      expect(answer.error?.code, query).toBe("not_found");
      expect(answer.error?.message).toContain("by company");
      const customer = await session.call("crm_get_customer", { customer: query });
      expect(customer.error?.code, query).toBe("not_found");
      expect(JSON.stringify(customer)).not.toContain("con_1");
    }
  });

  it("remembers a person by initials", async () => {
    const session = await open();
    await session.call("crm_get_customer", { customer: "con_1" });
    const { data } = await session.call("context_get");
    expect(data.entities).toContainEqual(expect.objectContaining({ id: "con_1", label: "J••• Q•••" }));
  });

  it("reads an article without the addresses in it, and its own notes unchanged", async () => {
    const editor = await openSession({ server: "knowledge", lane, role: "editor" });
    const saved = await editor.call("knowledge_save_article", {
      title: `Contacts ${lane}`,
      body: `# Contacts ${lane}\n\nWrite to ${EMAIL}. Old key: ${KEY}.`,
      collection: "handbook",
      new_collection_title: "Handbook",
      new_collection_readers: ["*"],
    });
    expect(saved.isError).toBe(false);
    const read = await editor.call("fetch", { id: saved.data.id });
    expect(read.data.text).toContain(`Write to ${EMAIL}. Old key: •••.`);
    const change = { id: saved.data.id, version: 1, body: read.data.text };
    expect((await editor.call("knowledge_update_article", change)).error?.message).toContain("•••");
    const viewer = await open("knowledge");
    const fetched = await viewer.call("fetch", { id: saved.data.id });
    const [resource] = await viewer.readResource(`kb://articles/${saved.data.id}`);
    expect(fetched.data.text).toContain("Write to j•••@acme.example. Old key: •••.");
    expect(resource.text).toContain("Write to j•••@acme.example. Old key: •••.");
    const { data } = await viewer.call("context_set", { note: `ask ${EMAIL}` });
    expect(data.notes).toEqual([`ask ${EMAIL}`]);
  });
});

describe.each(LANES)("a sales person on the %s lane", (lane) => {
  const open = (role = "sales") => openSession({ server: "crm", lane, as: "sam", role });

  it("reads people unmasked, finds them by address, and never a key", async () => {
    const session = await open();
    const { data } = await session.call("crm_find_contacts", { query: EMAIL });
    expect(data.contacts[0]).toMatchObject({ name: NAME, email: EMAIL, phone: PHONE });
    const tasks = await session.call("crm_list_tasks", { company_id: "cmp_1" });
    expect(tasks.data.tasks[0].title).toBe(`Call ${PHONE}, key •••`);
  });

  it("cannot write a masked value back", async () => {
    const session = await open();
    for (const change of [{ email: "j•••@acme.example" }, { phone: "•••77" }, { first_name: "J•••" }]) {
      const { error } = await session.call("crm_update_contact", {
        contact_id: "con_1",
        version: 1,
        ...change,
      });
      expect(error?.code).toBe("invalid_input");
      expect(error?.message).toContain("•••");
      expect(error?.suggested_action).toContain("Leave");
    }
    const { data } = await session.call("crm_find_contacts", { query: EMAIL });
    expect(data.contacts[0]).toMatchObject({ name: NAME, email: EMAIL, phone: PHONE, version: 1 });
  });

  it("gets the current values when another user was faster", async () => {
    const session = await open();
    const stale = { contact_id: "con_1", version: 99, email: "new@acme.example", first_name: "Jo" };
    const { error } = await session.call("crm_update_contact", stale);
    expect(error?.message).toContain(`"email":"${EMAIL}"`);
  });

  it("who becomes a viewer reads kept results of this session under the new role", async () => {
    // A separate user: the user's object caches the lower role for a while.
    const name = `sam_leaving_${lane}`;
    const session = await openSession({ server: "crm", lane, as: name, role: "sales" });
    const first = await session.call("crm_find_contacts", { query: "Bulk", limit: 50 });
    await session.call("crm_get_customer", { customer: "con_1" });
    const { handle, shown } = first.data.more;
    expect((await session.call("context_get", { handle, offset: shown })).data.rows[0].name).toContain(
      "Bulkmann",
    );

    const { clientId } = session.token;
    session.token = await issueToken({
      server: "crm",
      name,
      role: "viewer",
      scopes: ["crm:read"],
      clientId,
    });
    await evictAllDurableObjects(); // or the person's object would know the old role for up to 30 seconds
    const rest = await session.call("context_get", { handle, offset: shown });
    const memory = await session.call("context_get");
    expect(rest.data.rows[0]).toMatchObject({ name: "P••• B•••" });
    expect(JSON.stringify(rest)).not.toMatch(/Bulkmann|person\d+@/);
    expectHidden(memory);
  });

  it("who becomes a viewer reads notes and session defaults masked, and the output of the same call unmasked", async () => {
    const name = `nina_leaving_${lane}`;
    const session = await openSession({ server: "crm", lane, as: name, role: "sales" });
    const colleague = await openSession({ server: "crm", lane, as: `${name}_colleague`, role: "sales" });
    for (const each of [session, colleague]) {
      await each.call("context_set", { note: `call ${PHONE}, then ${EMAIL}`, defaults: { owner: EMAIL } });
    }
    expect((await session.call("context_get")).data).toMatchObject({
      notes: [`call ${PHONE}, then ${EMAIL}`],
      defaults: { owner: EMAIL },
    });

    const { clientId } = session.token;
    const scopes = ["crm:read"];
    session.token = await issueToken({ server: "crm", name, role: "viewer", scopes, clientId });
    const { data: memory } = await session.call("context_get");
    expect(memory.notes).toEqual(["call •••77, then j•••@acme.example"]);
    expect(memory.defaults).toEqual({ owner: "j•••@acme.example" });
    expectHidden(await session.call("crm_list_deals"));
    const { data: set } = await session.call("context_set", { note: "write to zoe@acme.example" });
    expect(set.notes).toEqual(["call •••77, then j•••@acme.example", "write to zoe@acme.example"]);
    expectHidden(set);
    expect((await session.call("context_get")).data.notes.at(-1)).toBe("write to z•••@acme.example");
    expect((await colleague.call("context_get")).data.defaults).toEqual({ owner: EMAIL });
  });

  it("is shown no kept result of a tool that the app may not call any more", async () => {
    const name = `kim_unticked_${lane}`;
    const session = await openSession({ server: "", lane, as: name, role: "sales" });
    const { data } = await session.call("crm_find_contacts", { query: "Bulk", limit: 50 });
    await session.call("crm_get_customer", { customer: "Acme Rockets" });
    const { handle, shown } = data.more;
    const reconnect = async (scopes: string[]) => {
      const { clientId } = session.token;
      session.token = await issueToken({ server: "", name, role: "sales", scopes, clientId });
    };
    await reconnect(["analytics:read", "knowledge:read"]);
    const rest = await session.call("context_get", { handle, offset: shown });
    expect(rest.error).toMatchObject({ code: "not_found" });
    expect((await session.call("context_get")).data.entities).toEqual([]);
    await reconnect(["analytics:read", "crm:read", "knowledge:read"]);
    expect((await session.call("context_get", { handle, offset: shown })).data.rows).not.toEqual([]);
    expect((await session.call("context_get")).data.entities).toContainEqual(
      expect.objectContaining({ label: "Acme Rockets" }),
    );
  });
});

describe("the log", () => {
  it.each(LANES)("contains no address from arguments, errors or answers on the %s lane", async (lane) => {
    const lines: string[] = [];
    const spies = (["debug", "info", "warn", "error", "log"] as const).map((level) =>
      vi.spyOn(console, level).mockImplementation((...parts: unknown[]) => void lines.push(parts.join(" "))),
    );
    const session = await openSession({ server: "crm", lane, as: "sam", role: "sales" });
    await session.call("crm_find_contacts", { query: EMAIL });
    await session.call("crm_get_customer", { customer: "nobody@acme.example" });
    await session.call("crm_update_contact", { contact_id: "con_1", version: 99, email: EMAIL });
    await session.call(EMAIL, {}).catch(() => undefined);
    for (const spy of spies) spy.mockRestore();
    expect(lines.filter((line) => line.includes('"event":"call"')).length).toBeGreaterThanOrEqual(3);
    for (const line of lines) expect(line).not.toMatch(/@acme\.example/);
  });
});
