import { env } from "cloudflare:workers";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { approvalGate } from "../../shared/objects/approval-gate.ts";
import { keptBy } from "../../workers/gateway/admin-jobs/erase-person.ts";
import { addCompany, addContact, addDeal, countRows } from "../crm/rows.ts";
import { decideAs, findApproval } from "../support/approvals.ts";
import { setApprovals } from "../support/policy.ts";
import { LANES, openSession } from "../support/session.ts";
import { addPerson } from "../support/token.ts";

const TOOL = "crm_create_contact";
const rule = { name: "look", tools: [TOOL], message: "A person has to look." };

beforeEach(() => setApprovals("sales", [rule]));
beforeAll(() => addCompany("cmp_hold", "Hold Ltd"));

const disable = (id: string) =>
  env.PLATFORM_DB.prepare(`UPDATE "user" SET "disabled" = 1 WHERE "id" = ?`).bind(id).run();

describe.each(LANES)("an approval on the %s lane", (lane) => {
  const open = (as: string) => openSession({ server: "crm", lane, as, role: "sales" });

  it.each([
    ["is disabled", (boss: string) => disable(`user_${boss}`)],
    ["has lost the role", (boss: string) => addPerson({ name: boss, role: "viewer" })],
  ])("does not outlive its approver, who %s before the call", async (what, end) => {
    const [as, boss] = [`asks${what.length}${lane}`, `boss${what.length}${lane}`];
    const session = await open(as);
    const args = { first_name: "Ann", last_name: `Outlived${what.length}${lane}` };
    expect((await session.call(TOOL, args)).error?.code).toBe("approval_required");
    await addPerson({ name: boss, role: "admin" });
    const item = await findApproval(`user_${as}`);
    await decideAs(`user_${boss}`, item);
    await end(boss);
    const late = await session.call(TOOL, args);
    expect(late.error).toMatchObject({ code: "approval_required" });
    expect(late.error?.message).toContain("may not approve it any more");
    expect(await countRows("contacts WHERE last_name = ?", args.last_name)).toBe(0);
    const again = await session.call(TOOL, args);
    expect(again.error?.message).toContain("Nothing has run yet");
    expect((await findApproval(`user_${as}`)).approvalId).not.toBe(item.approvalId);
  });

  it.each([true, false])(
    "ends when the requester is demoted and promoted again, whether their object is told (%s) or not",
    async (told) => {
      const as = `moves${told}${lane}`;
      const session = await open(as);
      const args = { first_name: "Bea", last_name: `Moved${told}${lane}` };
      await session.call(TOOL, args);
      const item = await findApproval(`user_${as}`);
      await decideAs("user_boss", item);
      for (const role of ["viewer", "sales"]) {
        const change = `UPDATE "user" SET "role" = ? WHERE "id" = ?`;
        await env.PLATFORM_DB.prepare(change).bind(role, `user_${as}`).run();
        if (told) await keptBy(env, `user_${as}`).forgetPerson();
      }
      expect((await session.call(TOOL, args)).error?.code).toBe("approval_required");
      expect(await countRows("contacts WHERE last_name = ?", args.last_name)).toBe(0);
      expect((await approvalGate(env, `user_${as}`).readApproval(item.approvalId))?.state).toBe("expired");
    },
  );

  it("cannot be given once the requester's role has changed", async () => {
    const as = `pends${lane}`;
    const session = await open(as);
    await session.call(TOOL, { first_name: "Cai", last_name: "Pends" });
    const { approvalId, binding } = await findApproval(`user_${as}`);
    await addPerson({ name: as, role: "viewer" });
    await addPerson({ name: as, role: "sales" });
    const decision = { approvalId, by: "user_boss", granted: true, reason: null };
    const result = await approvalGate(env, `user_${as}`).decideApproval({
      ...decision,
      policyDigest: binding.policyDigest,
    });
    expect(result).toBe("expired");
  });

  it("is needed to undo a change that needs one, and judged by that change", async () => {
    const contact = `con_undone${lane}`;
    await addContact(contact, "Una Undone", { title: "Before" });
    const admin = await openSession({ server: "crm", lane });
    const change = { record: "contact", ids: [contact], field: "title", value: "After" };
    const shown = await admin.call("crm_bulk_update", change);
    const { data } = await admin.call("crm_bulk_update", { ...change, confirm: shown.data.confirm });
    const undo = { change_id: data.change_id };
    const session = await open(`undoes${lane}`);
    const when = { expression: 'args.field == "title" && args.record == "contact"' };
    setApprovals("sales", [{ ...rule, tools: ["crm_bulk_update"], when }]);
    const refused = await session.call("crm_undo_change", undo);
    expect(refused.error).toMatchObject({ code: "approval_required" });
    expect(await countRows("contacts WHERE id = ? AND title = 'After'", contact)).toBe(1);
    const item = await findApproval(`user_undoes${lane}`);
    expect(item.binding).toMatchObject({ tool: "crm_undo_change", alsoFor: ["crm_bulk_update"] });
    await decideAs("user_boss", item);
    expect((await session.call("crm_undo_change", undo)).data).toMatchObject({ rows: 1 });
    expect(await countRows("contacts WHERE id = ? AND title = 'Before'", contact)).toBe(1);
  });

  it("is not needed to undo a change that its rule does not cover", async () => {
    const contact = `con_free${lane}`;
    await addContact(contact, "Fay Free", { title: "Before" });
    const session = await open(`free${lane}`);
    const change = { record: "contact", ids: [contact], field: "title", value: "After" };
    const shown = await session.call("crm_bulk_update", change);
    const { data } = await session.call("crm_bulk_update", { ...change, confirm: shown.data.confirm });
    const when = { expression: 'args.field == "owner"' };
    setApprovals("sales", [{ ...rule, tools: ["crm_bulk_update"], when }]);
    expect((await session.call("crm_undo_change", { change_id: data.change_id })).isError).toBe(false);
  });

  it("is not requested for a call that the tool would refuse, and otherwise previews the change", async () => {
    const [early, ready] = [`deal_early${lane}`, `deal_ready${lane}`];
    await addDeal(early, "cmp_hold", { stage: "qualified" });
    await addDeal(ready, "cmp_hold", { stage: "negotiation", amount_cents: 1_234_500 });
    setApprovals("sales", [{ ...rule, tools: ["crm_move_deal"] }]);
    const session = await open(`mover${lane}`);
    const move = (id: string, version = 1) =>
      session.call("crm_move_deal", { deal_id: id, version, stage: "won" });
    expect((await move(early)).error).toMatchObject({ code: "invalid_input" });
    expect((await move(ready, 7)).error).toMatchObject({ code: "conflict" });
    expect((await move("deal_missing")).error).toMatchObject({ code: "not_found" });
    const open_ = env.PLATFORM_DB.prepare("SELECT count(*) AS n FROM approval WHERE requester = ?");
    expect(await open_.bind(`user_mover${lane}`).first("n")).toBe(0);
    expect((await move(ready)).error).toMatchObject({ code: "approval_required" });
    const { shown } = await findApproval(`user_mover${lane}`);
    expect(shown?.preview).toMatchObject([
      {
        record: { type: "deal", id: ready, label: expect.stringContaining("Hold Ltd") },
        amount: "$12,345.00",
        fields: [{ name: "stage", from: "negotiation", to: "won" }],
      },
    ]);
  });

  it("does not fit a call that would change something else than was shown", async () => {
    const contact = `con_shown${lane}`;
    await addContact(contact, "Sia Shown");
    setApprovals("admin", [{ ...rule, tools: ["crm_erase_person", "crm_merge_contacts"] }]);
    const session = await openSession({ server: "crm", lane, as: `eraser${lane}` });
    const { data } = await session.call("crm_delete_record", { id: contact });
    expect(data.done).toBe(false);
    expect((await session.call("crm_erase_person", { contact_id: contact })).error?.code).toBe(
      "approval_required",
    );
    const item = await findApproval(`user_eraser${lane}`);
    await decideAs("user_boss", item);
    await env.CRM_DB.prepare("UPDATE contacts SET email = ? WHERE id = ?")
      .bind(`sia.${lane}@shown.example`, contact)
      .run();
    await addContact(`${contact}twin`, "Sia Twin", { email: `sia.${lane}+1@shown.example` });
    const late = await session.call("crm_erase_person", { contact_id: contact });
    expect(late.error?.code).toBe("approval_required");
    setApprovals("admin", []);
  });
});
