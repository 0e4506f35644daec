import { env } from "cloudflare:workers";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { addCompany, addContact, addDeal, addOwner, addTask, countRows, dayAhead } from "../crm/rows.ts";
import { setApprovals, setApproves } from "../support/policy.ts";
import { openSession } from "../support/session.ts";
import { askFor, letCallsWait, openAs, RULE, textOf } from "./waiting-call.ts";

beforeAll(async () => {
  await addOwner("own_before", "Olga Before", "olga@people.example");
  await addOwner("own_after", "Otto After", "otto@people.example");
  await addCompany("cmp_many", "Many Ltd", { region: "Europe" });
  for (const index of [1, 2, 3]) {
    await addContact(`con_many${index}`, `Ida Many${index}`, {
      ...{ company_id: "cmp_many", owner_id: "own_before", email: `ida${index}@many.example` },
    });
  }
});

beforeEach(() => {
  letCallsWait();
  setApprovals("sales", [{ ...RULE, tools: ["crm_*_*"], when: { expression: "true" } }]);
  setApproves("viewer", ["crm_*"]);
});

/** The page of a call that waits, as an administrator reads it and as a user reads it whose role masks people. */
async function readPage(tool: string, args: Record<string, unknown>) {
  const asked = await askFor(args, tool);
  const [admin, viewer] = [await openAs("admin"), await openAs("viewer")];
  return {
    ...asked,
    full: await textOf(admin.browser.get(asked.path)),
    masked: await textOf(viewer.browser.get(asked.path)),
  };
}

describe("the page of a change to many records", { timeout: 30_000 }, () => {
  it("shows how many a bulk update changes, and the first of them before and after", async () => {
    const args = {
      record: "contact",
      where: { company_id: "cmp_many" },
      field: "owner",
      value: "Otto After",
    };
    const { full, masked } = await readPage("crm_bulk_update", args);
    for (const text of ["3 contacts", "Ida Many1", "Ida Many3", "Olga Before", "Otto After"]) {
      expect(full, text).toContain(text);
    }
    expect(masked).toContain("Otto After");
    expect(masked).not.toContain("Ida Many");
  });

  it("shows how many rows an import adds and changes, and the first of them", async () => {
    const csv = [
      "first name,last name,email,phone",
      "Ida,Many1,ida1@many.example,+49 221 5550142",
      "Nils,Newcomer,nils@many.example,",
      "Eve,Wrong,no address,",
    ].join("\n");
    const { full, masked } = await readPage("crm_import_csv", {
      record: "contact",
      csv,
      on_duplicate: "update",
    });
    for (const text of [
      "new records",
      "changed records",
      "rows with problems",
      "Nils Newcomer",
      "Ida Many1",
    ]) {
      expect(full, text).toContain(text);
    }
    const preview = (page: string) => page.slice(page.indexOf("new records"));
    expect(masked).toContain("new records");
    expect(preview(masked)).not.toContain("5550142");
    expect(masked).not.toContain("Nils Newcomer");
  });

  it("shows what taking a change back puts back", async () => {
    const admin = await openSession({ server: "crm", lane: "stateless" });
    const change = { record: "contact", ids: ["con_many1", "con_many2"], field: "title", value: "Chief" };
    const shown = await admin.call("crm_bulk_update", change);
    const { data } = await admin.call("crm_bulk_update", { ...change, confirm: shown.data.confirm });
    const { full, masked } = await readPage("crm_undo_change", { change_id: data.change_id });
    for (const text of ["2 rows of the change", "Ida Many1", "Ida Many2", "Chief", "title"]) {
      expect(full, text).toContain(text);
    }
    expect(masked).toContain("Chief");
    expect(masked).not.toContain("Ida Many");
  });
});

describe("no approver is asked", { timeout: 30_000 }, () => {
  it.each([
    ["crm_bulk_update", { record: "contact", field: "title", value: "x" }, "invalid_input"],
    [
      "crm_bulk_update",
      { record: "contact", where: { query: "qqqzzz" }, field: "title", value: "x" },
      "not_found",
    ],
    ["crm_bulk_update", { record: "contact", ids: ["con_x"], field: "title", value: "x" }, "not_found"],
    ["crm_import_csv", { record: "contact", csv: "one line" }, "invalid_input"],
    ["crm_import_csv", { record: "contact", csv: "a\nb", columns: { z: "email" } }, "invalid_input"],
    ["crm_undo_change", { change_id: "chg_missing" }, "not_found"],
    ["crm_create_contact", { first_name: "A", last_name: "B", email: "ida1@many.example" }, "conflict"],
    ["crm_create_contact", { first_name: "A", last_name: "B", company_id: "cmp_gone" }, "not_found"],
    [
      "crm_create_deal",
      { name: "D", company_id: "cmp_gone", amount: 1, expected_close: "2027-01-01" },
      "not_found",
    ],
    ["crm_create_task", { title: "T", due: "2027-01-01", contact_id: "con_gone" }, "not_found"],
    ["crm_complete_task", { task_id: "task_gone" }, "not_found"],
    [
      "crm_log_activity",
      { kind: "note", subject: "S", contact_id: "con_many1", occurred_at: "2099-01-01" },
      "invalid_input",
    ],
  ])("what %s of %o would refuse", async (tool, args, code) => {
    const session = await openSession({ server: "crm", lane: "stateless", as: "refused", role: "sales" });
    expect((await session.call(tool, args)).error).toMatchObject({ code });
    const asked = env.PLATFORM_DB.prepare(
      "SELECT count(*) AS n FROM approval WHERE requester = 'user_refused'",
    );
    expect(await asked.first("n")).toBe(0);
  });
});

describe("the question before an erasure", () => {
  it("says how many deals, activities and tasks it is about", async () => {
    await addContact("con_asked", "Asta Asked");
    await addDeal("deal_asked", "cmp_many", { contact_id: "con_asked" });
    for (const id of ["task_asked1", "task_asked2"])
      await addTask(id, dayAhead(2), { contact_id: "con_asked" });
    const session = await openSession({ server: "crm", lane: "stateless" });
    const { data } = await session.call("crm_erase_person", { contact_id: "con_asked" });
    expect(data).toMatchObject({ done: false, affected: { deals: 1, activities: 0, tasks: 2 } });
    const _meta = { "io.modelcontextprotocol/clientCapabilities": { elicitation: {} } };
    const { result } = await session.request("tools/call", {
      ...{ name: "crm_erase_person", arguments: { contact_id: "con_asked" }, _meta },
    });
    const [question] = Object.values<ReturnType<typeof JSON.parse>>(result.inputRequests);
    expect(question.params.message).toContain("0 activities and 2 tasks go, 1 deals lose their contact");
    expect(await countRows("contacts WHERE id = 'con_asked'")).toBe(1);
  });
});
