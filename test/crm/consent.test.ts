import { env } from "cloudflare:workers";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { startCall } from "../support/approvals.ts";
import { LANES, openSession, type TestSession } from "../support/session.ts";
import { addCompany, addContact, addDeal, addTask, countRows, dayAhead } from "./rows.ts";

const FORM_CLIENT = { elicitation: {} };
const YES = { action: "accept", content: { agree: true } };

afterEach(() => vi.restoreAllMocks());

beforeAll(() => addCompany("cmp_consent", "Consent Ltd"));

/** One call of a client whose user can be asked: its questions in sequence, and its result. */
interface Asking {
  /** The message of the open question. */
  question: string;
  /** Confirms; returns the next question, or `null` when the call has ended. */
  agree(): Promise<string | null>;
  /** The answer of a call that has ended. */
  answer(): ReturnType<typeof JSON.parse>;
}

async function startSessionful(
  session: TestSession,
  name: string,
  args: Record<string, unknown>,
): Promise<Asking> {
  const call = await startCall(session, crypto.randomUUID(), name, args);
  let message = await call.next();
  return {
    question: message.params.message,
    async agree() {
      await call.reply(message.id, YES);
      message = await call.next();
      return message.method === "elicitation/create" ? message.params.message : null;
    },
    answer: () => message.result,
  };
}

async function startStateless(
  session: TestSession,
  name: string,
  args: Record<string, unknown>,
): Promise<Asking> {
  const params = { name, arguments: args };
  let { result } = await session.request("tools/call", params);
  const read = () => {
    const [question] = Object.values<ReturnType<typeof JSON.parse>>(result.inputRequests ?? {});
    return question ? String(question.params.message) : null;
  };
  return {
    question: read() ?? "",
    async agree() {
      const inputResponses = Object.fromEntries(Object.keys(result.inputRequests).map((key) => [key, YES]));
      const { requestState } = result;
      ({ result } = await session.request("tools/call", { ...params, inputResponses, requestState }));
      return read();
    },
    answer: () => result,
  };
}

/**
 * Runs `change` once, right before the next batch that writes: between the check of the read rows and the
 * write.
 */
function beforeTheWrite(change: () => Promise<unknown>): void {
  const target = Object.getPrototypeOf(env.CRM_DB) as D1Database;
  const real = target.batch;
  let done = false;
  vi.spyOn(target, "batch").mockImplementation(async function (this: D1Database, statements) {
    if (!done && JSON.stringify(statements).includes("preconditions")) {
      done = true;
      await change();
    }
    return real.call(this, statements) as never;
  });
}

describe.each(LANES)("a yes on the %s lane covers only the shown change:", (lane) => {
  const id = (name: string) => `${name}${lane}`;
  const start = lane === "sessionful" ? startSessionful : startStateless;
  const open = (capabilities: object = FORM_CLIENT) =>
    openSession({ server: "crm", lane, capabilities: { ...capabilities } });
  const left = (contact: string) => countRows("contacts WHERE id = ?", contact);

  it("an erasure asks again when another person is merged into this one meanwhile", async () => {
    await addContact(id("con_erased"), "Ada Erased");
    await addContact(id("con_later"), "Bob Later");
    const [session, plain] = [await open(), await open({})];
    const call = await start(session, "crm_erase_person", { contact_id: id("con_erased") });
    expect(call.question).toContain(id("con_erased"));
    const pair = { keep_id: id("con_erased"), duplicate_id: id("con_later") };
    const { data } = await plain.call("crm_merge_contacts", pair);
    await plain.call("crm_merge_contacts", { ...pair, confirm: data.confirm });
    expect(await call.agree()).toContain(id("con_later"));
    expect(await left(id("con_erased"))).toBe(1);
    expect(await call.agree()).toBeNull();
    expect(call.answer().structuredContent).toMatchObject({ done: true });
    expect(await left(id("con_erased"))).toBe(0);
  });

  it.each([
    [
      "a deal was added",
      (contact: string) => addDeal(`deal_${contact}`, "cmp_consent", { contact_id: contact }),
    ],
    [
      "a task was added",
      (contact: string) => addTask(`task_${contact}`, dayAhead(2), { contact_id: contact }),
    ],
    [
      "the contact was changed",
      (contact: string) =>
        env.CRM_DB.prepare("UPDATE contacts SET title = 'New', version = version + 1 WHERE id = ?")
          .bind(contact)
          .run(),
    ],
  ])("a deletion asks again when %s after the question", async (what, change) => {
    const contact = id(`con_${what.replaceAll(" ", "")}`);
    await addContact(contact, "Dee Deleted");
    const call = await start(await open(), "crm_delete_record", { id: contact });
    await change(contact);
    expect(await call.agree()).toContain(`Delete contact ${contact}?`);
    expect(await left(contact)).toBe(1);
    expect(await call.agree()).toBeNull();
    expect(await left(contact)).toBe(0);
  });

  it.each([
    ["crm_delete_record", (one: string, _other: string) => ({ id: one })],
    ["crm_erase_person", (one: string, _other: string) => ({ contact_id: one })],
    ["crm_merge_contacts", (one: string, other: string) => ({ keep_id: other, duplicate_id: one })],
  ])("%s asks again when a record changes between the check and the write", async (tool, argsOf) => {
    const [one, other] = [
      id(`con_one${tool}`.replaceAll("_", "").replace("con", "con_")),
      id(`con_two${tool.length}`),
    ];
    await addContact(one, "Uma Between");
    await addContact(other, "Una Between");
    const call = await start(await open(), tool, argsOf(one, other));
    beforeTheWrite(() => addDeal(`deal_${one}`, "cmp_consent", { contact_id: one }));
    expect(await call.agree()).not.toBeNull();
    expect(await left(one)).toBe(1);
    expect(await countRows("preconditions")).toBe(0);
    expect(await call.agree()).toBeNull();
    expect(call.answer().structuredContent).toMatchObject({ done: true });
    expect(await left(one)).toBe(0);
  });

  it("a merge asks again when a dependent of the duplicate appears that was not counted", async () => {
    await addContact(id("con_keeps"), "Kai Keeps");
    await addContact(id("con_goes"), "Kay Goes");
    const pair = { keep_id: id("con_keeps"), duplicate_id: id("con_goes") };
    const call = await start(await open(), "crm_merge_contacts", pair);
    expect(call.question).toContain("0 deals");
    await addDeal(id("deal_goes"), "cmp_consent", { contact_id: id("con_goes") });
    expect(await call.agree()).toContain("1 deals");
    expect(await left(id("con_goes"))).toBe(1);
  });

  it("a confirm value of a preview is refused when a record changes before the write", async () => {
    await addContact(id("con_confirmed"), "Cleo Confirmed");
    const session = await open({});
    const { data } = await session.call("crm_delete_record", { id: id("con_confirmed") });
    beforeTheWrite(() => addDeal(id("deal_confirmed"), "cmp_consent", { contact_id: id("con_confirmed") }));
    const args = { id: id("con_confirmed"), confirm: data.confirm };
    expect((await session.call("crm_delete_record", args)).error).toMatchObject({ code: "conflict" });
    expect(await left(id("con_confirmed"))).toBe(1);
  });

  it("a confirm value is made for one person, app, tool and preview, ends after an hour, and cannot be computed", async () => {
    await addContact(id("con_sealed"), "Sal Sealed");
    const [session, sameUser] = [await open({}), await open({})];
    const colleague = await openSession({ server: "crm", lane, as: "colleague" });
    const { data } = await session.call("crm_delete_record", { id: id("con_sealed") });
    const { version } = (await env.CRM_DB.prepare("SELECT version FROM contacts WHERE id = ?")
      .bind(id("con_sealed"))
      .first<{ version: number }>()) ?? { version: 0 };
    const text = JSON.stringify(["crm_delete_record", id("con_sealed"), version]);
    const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
    const computed = Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, "0")).join("");
    const [end = "", ...rest] = String(data.confirm).split(".");
    const later = [(Number.parseInt(end, 36) + 60).toString(36), ...rest].join(".");
    for (const [who, confirm] of [
      [session, computed.slice(0, 32)],
      [session, later],
      [sameUser, data.confirm],
      [colleague, data.confirm],
    ] as const) {
      const answer = await who.call("crm_delete_record", { id: id("con_sealed"), confirm });
      expect(answer.error).toMatchObject({ code: "conflict" });
    }
    const done = await session.call("crm_delete_record", { id: id("con_sealed"), confirm: data.confirm });
    expect(done.data).toMatchObject({ done: true });
  });

  it("a client that can ask is asked whatever confirm comes with the call", async () => {
    await addContact(id("con_skips"), "Skip Form");
    await addContact(id("con_bulk"), "Bulk Form", { title: "Old" });
    const session = await open();
    session.capabilities = {};
    const plain = lane === "stateless" ? session : await open({});
    const shown = await plain.call("crm_delete_record", { id: id("con_skips") });
    const change = { record: "contact", ids: [id("con_bulk")], field: "title", value: "New" };
    const shownBulk = await plain.call("crm_bulk_update", change);
    session.capabilities = FORM_CLIENT;
    const removal = { id: id("con_skips"), confirm: shown.data.confirm };
    expect((await start(session, "crm_delete_record", removal)).question).toContain("Delete contact");
    expect(await left(id("con_skips"))).toBe(1);
    if (lane === "stateless") {
      const bulk = await start(session, "crm_bulk_update", { ...change, confirm: shownBulk.data.confirm });
      expect(bulk.question).toContain("Set title of 1 contacts");
      expect(await bulk.agree()).toBeNull();
      expect(bulk.answer().structuredContent).toMatchObject({ done: true, changed: 1 });
    }
  });
});

describe("answers on the stateless lane", () => {
  it("count only for questions that the verified state lists", async () => {
    await addContact("con_unasked", "Una Unasked");
    const session = await openSession({ server: "crm", lane: "stateless", capabilities: FORM_CLIENT });
    const call = { name: "crm_delete_record", arguments: { id: "con_unasked" } };
    const inputResponses = { q1: YES };
    const first = await session.request("tools/call", { ...call, inputResponses });
    expect(first.result.resultType).toBe("input_required");
    const { requestState } = first.result;
    const other = await session.request("tools/call", { ...call, requestState, inputResponses: { q2: YES } });
    expect(other.result.resultType).toBe("input_required");
    expect(await countRows("contacts WHERE id = 'con_unasked'")).toBe(1);
  });
});

describe.each(LANES)("a confirm value on the %s lane", (lane) => {
  it("counts once: not for a second call at the same moment, nor after the change was taken back", async () => {
    const session = await openSession({ server: "crm", lane });
    const id = `con_spent${lane}`;
    await addContact(id, "Una Once");
    const { data } = await session.call("crm_delete_record", { id });
    const again = () => session.call("crm_delete_record", { id, confirm: data.confirm });
    const answers = await Promise.all([again(), again()]);
    const done = answers.filter((answer) => answer.data?.done === true);
    expect(done).toHaveLength(1);
    const { change_id } = done[0]?.data ?? {};
    const undo = await session.call("crm_undo_change", { change_id });
    await session.call("crm_undo_change", { change_id, confirm: undo.data.confirm });
    expect(await countRows("contacts WHERE id = ?", id)).toBe(1);
    // As it was shown: with the version that the preview was made of.
    await env.CRM_DB.prepare("UPDATE contacts SET version = 1 WHERE id = ?").bind(id).run();
    expect((await again()).error).toMatchObject({ code: "conflict" });
    expect(await countRows("contacts WHERE id = ?", id)).toBe(1);
  });
});
