import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { LANES, openSession, type RpcAnswer } from "../support/session.ts";
import { addCompany, addContact, addOwner, countRows } from "./rows.ts";

const titleOf = (id: string) =>
  env.CRM_DB.prepare("SELECT title FROM contacts WHERE id = ?").bind(id).first<string>("title");

beforeAll(async () => {
  await addOwner("own_anna", "Anna Adler", "anna@bulk.example");
  await addOwner("own_ben", "Ben Berg", "ben@bulk.example");
});

describe.each(LANES)("a bulk update on the %s lane", (lane) => {
  const id = (name: string) => `${name}${lane}`;

  async function addTeam(name: string, size: number): Promise<string[]> {
    await addCompany(id(`cmp_${name}`), `${name} Works`);
    const ids = Array.from({ length: size }, (_, index) => id(`con_${name}${index}x`));
    for (const [index, contact] of ids.entries()) {
      await addContact(contact, `Tim Team${index}`, { company_id: id(`cmp_${name}`), title: "Clerk" });
    }
    return ids;
  }

  it("previews first, then changes exactly the previewed rows, and all of it can be undone", async () => {
    const ids = await addTeam("plain", 4);
    await env.CRM_DB.prepare("UPDATE contacts SET title = 'Chief' WHERE id = ?").bind(ids[3]).run();
    const session = await openSession({ server: "crm", lane });
    const args = {
      record: "contact",
      where: { company_id: id("cmp_plain") },
      field: "title",
      value: "Chief",
    };
    const shown = await session.call("crm_bulk_update", args);
    expect(shown.data).toMatchObject({
      done: false,
      to_change: 3,
      already_so: 1,
      complete: true,
      after: "Chief",
    });
    expect(shown.data.rows[0]).toMatchObject({ name: expect.stringContaining("Tim Team"), before: "Clerk" });
    expect(await countRows(`contacts WHERE title = 'Clerk' AND company_id = '${id("cmp_plain")}'`)).toBe(3);
    const { data } = await session.call("crm_bulk_update", { ...args, confirm: shown.data.confirm });
    expect(data).toMatchObject({ done: true, changed: 3, skipped: [], remaining: 0 });
    expect(await countRows(`record_versions WHERE record_id LIKE 'con_plain%${lane}'`)).toBe(3);
    const again = await session.call("crm_bulk_update", { ...args, confirm: shown.data.confirm });
    expect(again.data).toMatchObject({ done: true, changed: 3, remaining: 0, change_id: data.change_id });
    const listed = await session.call("crm_list_changes");
    expect(listed.data.changes[0]).toMatchObject({ kind: "bulk_update", change_id: data.change_id });
    await session.call("crm_undo_change", { change_id: data.change_id });
    expect(await countRows(`contacts WHERE title = 'Clerk' AND company_id = '${id("cmp_plain")}'`)).toBe(3);
    expect(await titleOf(ids[3] ?? "")).toBe("Chief");
  });

  it("skips and names records that another user changed or deleted since the preview", async () => {
    const ids = await addTeam("moved", 3);
    const session = await openSession({ server: "crm", lane });
    const bob = await openSession({ server: "crm", lane, as: "bob" });
    const args = { record: "contact", ids, field: "owner", value: "Anna" };
    const shown = await session.call("crm_bulk_update", args);
    await bob.call("crm_update_contact", { contact_id: ids[0], version: 1, title: "Mine" });
    const gone = await bob.call("crm_delete_record", { id: ids[1] });
    await bob.call("crm_delete_record", { id: ids[1], confirm: gone.data.confirm });
    const { data } = await session.call("crm_bulk_update", { ...args, confirm: shown.data.confirm });
    expect(data).toMatchObject({ changed: 1, skipped_total: 2 });
    expect(data.skipped.sort()).toEqual([ids[0], ids[1]].sort());
    expect(await titleOf(ids[0] ?? "")).toBe("Mine");
    expect(await countRows(`contacts WHERE id = '${ids[2]}' AND owner_id = 'own_anna'`)).toBe(1);
  });

  it("runs only for the user who saw the preview, and only for the previewed records", async () => {
    const ids = await addTeam("bound", 2);
    const session = await openSession({ server: "crm", lane });
    const bob = await openSession({ server: "crm", lane, as: "bob" });
    const args = { record: "contact", ids, field: "title", value: "Taken" };
    const { data } = await session.call("crm_bulk_update", args);
    const tries = [
      await bob.call("crm_bulk_update", { ...args, confirm: data.confirm }),
      await session.call("crm_bulk_update", { ...args, ids: [ids[0]], confirm: data.confirm }),
      await session.call("crm_bulk_update", { ...args, value: "Other", confirm: data.confirm }),
      await session.call("crm_bulk_update", { ...args, confirm: "plan_0000000000" }),
    ];
    for (const { error } of tries) expect(error).toMatchObject({ code: "conflict" });
    expect(await titleOf(ids[0] ?? "")).toBe("Clerk");
  });

  it("writes the previewed value and no other, when the name refers to another person by now", async () => {
    const ids = await addTeam("renamed", 2);
    await addOwner(id("own_first"), `Cleo ${lane}`, `cleo.first.${lane}@bulk.example`);
    const session = await openSession({ server: "crm", lane });
    const args = { record: "contact", ids, field: "owner", value: `Cleo ${lane}` };
    const { data } = await session.call("crm_bulk_update", args);
    await env.CRM_DB.prepare("UPDATE owners SET name = 'Gone' WHERE id = ?").bind(id("own_first")).run();
    await addOwner(id("own_second"), `Cleo ${lane}`, `cleo.second.${lane}@bulk.example`);
    const { error } = await session.call("crm_bulk_update", { ...args, confirm: data.confirm });
    expect(error).toMatchObject({ code: "conflict" });
    expect(await countRows(`contacts WHERE owner_id = '${id("own_second")}'`)).toBe(0);
  });

  it("names the filter or field that a kind of record does not have", async () => {
    const session = await openSession({ server: "crm", lane });
    const choice = await session.call("crm_bulk_update", {
      record: "contact",
      where: { stage: ["lead"] },
      field: "title",
      value: "X",
    });
    expect(choice.error?.suggested_action).toContain("query, owner, company_id");
    const change = await session.call("crm_bulk_update", {
      record: "deal",
      where: { owner: "Anna" },
      field: "title",
      value: "X",
    });
    expect(change.error?.suggested_action).toContain("owner, expected_close");
    const everything = await session.call("crm_bulk_update", {
      record: "deal",
      where: {},
      field: "owner",
      value: "Ben",
    });
    expect(everything.error?.code).toBe("invalid_input");
  });
});

describe("a large bulk update", () => {
  it("is done with one confirmation, and two calls at once do each slice once", async () => {
    await addCompany("cmp_large", "Large");
    const rows = Array.from({ length: 1_100 }, (_, index) => [`deal_large${index}`, `Large ${index}`]);
    const at = "2026-01-05T09:00:00.000Z";
    await env.CRM_DB.prepare(
      `INSERT INTO deals (id, name, company_id, owner_id, stage, amount_cents, expected_close_on, stage_since,
         last_activity_at, created_at, created_by, created_by_name, updated_at, updated_by, updated_by_name)
       SELECT value ->> 0, value ->> 1, 'cmp_large', 'own_ben', 'lead', 100, '2027-01-01', ?2, ?2, ?2, 'u', 'U', ?2, 'u', 'U'
       FROM json_each(?1)`,
    )
      .bind(JSON.stringify(rows), at)
      .run();
    const session = await openSession({ server: "crm", lane: "stateless" });
    const args = {
      record: "deal",
      where: { company_id: "cmp_large" },
      field: "expected_close",
      value: "2027-06-30",
    };
    const { data } = await session.call("crm_bulk_update", args);
    expect(data).toMatchObject({ to_change: 1_100, complete: true });
    const run = () => session.call("crm_bulk_update", { ...args, confirm: data.confirm });
    for (const answer of await Promise.all([run(), run()])) {
      expect(answer.data).toMatchObject({ done: true, changed: 1_100, skipped_total: 0, remaining: 0 });
    }
    expect(
      await countRows(
        "deals WHERE company_id = 'cmp_large' AND expected_close_on = '2027-06-30' AND version = 2",
      ),
    ).toBe(1_100);
    const month = await session.call("crm_list_deals", {
      company_id: "cmp_large",
      closing_after: "2027-06-01",
    });
    expect(month.data.totals.deals).toBe(1_100);
  });
});

describe("a client whose person can be asked", () => {
  it("changes in one call what the user confirmed, and asks again when the records have changed meanwhile", async () => {
    await addContact("con_ask1", "Ada Ask", { title: "Old" });
    await addContact("con_ask2", "Ben Ask", { title: "Old" });
    const session = await openSession({ server: "crm", lane: "stateless" });
    const _meta = { "io.modelcontextprotocol/clientCapabilities": { elicitation: {} } };
    const args = { record: "contact", ids: ["con_ask1", "con_ask2"], field: "title", value: "New" };
    const call = { name: "crm_bulk_update", arguments: args, _meta };
    const agree = ({ result }: RpcAnswer) => {
      const [key = ""] = Object.keys(result.inputRequests);
      const inputResponses = { [key]: { action: "accept", content: { agree: true } } };
      return session.request("tools/call", { ...call, requestState: result.requestState, inputResponses });
    };
    const first = await session.request("tools/call", call);
    expect(JSON.stringify(first.result.inputRequests)).toContain("Set title of 2 contacts to New?");
    await session.call("crm_update_contact", { contact_id: "con_ask2", version: 1, title: "New" });
    const second = await agree(first);
    expect(JSON.stringify(second.result.inputRequests)).toContain("Set title of 1 contacts to New?");
    expect(await titleOf("con_ask1")).toBe("Old");
    const third = await agree(second);
    expect(third.result.structuredContent).toMatchObject({ done: true, changed: 1, remaining: 0 });
    expect(await titleOf("con_ask1")).toBe("New");
  });
});

describe("undoing a change", () => {
  it("requires the permission to make it: sales undoes its merge, and not an administrator's deletion", async () => {
    await addContact("con_victim", "Vic Victim");
    await addContact("con_one", "Olga One");
    await addContact("con_two", "Olga Two");
    const admin = await openSession({ server: "crm", lane: "stateless" });
    const sales = await openSession({ server: "crm", lane: "stateless", as: "sam", role: "sales" });
    const shown = await admin.call("crm_delete_record", { id: "con_victim" });
    const { data } = await admin.call("crm_delete_record", { id: "con_victim", confirm: shown.data.confirm });
    const refused = await sales.call("crm_undo_change", { change_id: data.change_id });
    expect(refused.error).toMatchObject({ code: "forbidden" });
    expect(refused.error?.message).toContain("crm:delete");
    expect(await countRows("contacts WHERE id = 'con_victim'")).toBe(0);
    const narrow = await openSession({
      server: "crm",
      lane: "stateless",
      scopes: ["crm:read", "crm:write"],
    });
    const unscoped = await narrow.call("crm_undo_change", { change_id: data.change_id });
    expect(unscoped.error).toMatchObject({ code: "insufficient_scope" });
    const pair = { keep_id: "con_one", duplicate_id: "con_two" };
    const preview = await admin.call("crm_merge_contacts", pair);
    const merged = await admin.call("crm_merge_contacts", { ...pair, confirm: preview.data.confirm });
    expect((await sales.call("crm_undo_change", { change_id: merged.data.change_id })).isError).toBe(false);
    expect((await admin.call("crm_undo_change", { change_id: data.change_id })).isError).toBe(false);
    expect(await countRows("contacts WHERE id IN ('con_victim', 'con_two')")).toBe(2);
  });
});
