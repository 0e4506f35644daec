import { env } from "cloudflare:workers";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { APPROVAL_WAIT_MS } from "../../shared/guard/approval/require-approval.ts";
import { approvalGate } from "../../shared/objects/approval-gate.ts";
import { awaitEvents, eventsOf } from "../audit/trail.ts";
import { decideAs, findApproval, pathIn, pathOf, startCall } from "../support/approvals.ts";
import { changeVersion, setApprovals } from "../support/policy.ts";
import { LANES, openSession, type SessionOptions } from "../support/session.ts";

const TOOL = "crm_create_contact";
const person = (name: string) => ({ first_name: name, last_name: "Approved" });
const rule = { name: "look", tools: [TOOL], message: "A person has to look." };
const URL_CLIENT = { elicitation: { url: {} } };
const FORM_CLIENT = { elicitation: {} };

const open = (lane: SessionOptions["lane"], as: string, capabilities = {}) =>
  openSession({ server: "crm", lane, as, role: "sales", capabilities });

beforeEach(() => {
  setApprovals("sales", [rule]);
  // Some of these tests get no answer, and none of them should wait for one.
  Object.assign(APPROVAL_WAIT_MS, { sessionful: 60_000, stateless: 50 });
});

describe.each(LANES)("a call that needs approval, on the %s lane", { timeout: 20_000 }, (lane) => {
  it("runs nothing, names its approval page, and runs once after the approval", async () => {
    const session = await open(lane, `amy_${lane}`);
    const asked = await session.call(TOOL, person(`Amy ${lane}`));
    expect(asked.error).toMatchObject({ code: "approval_required", retry_after: 30 });
    expect(asked.error?.message).toContain("Nothing has run yet. A person has to look.");
    expect(asked.error?.message).toContain(`${env.PUBLIC_URL}/approvals/`);
    expect(await countContacts(`Amy ${lane}`)).toBe(0);
    expect(pathOf(await session.call(TOOL, person(`Amy ${lane}`)))).toBe(pathOf(asked));
    await decideAs("user_boss", await findApproval(`user_amy_${lane}`));
    expect((await session.call(TOOL, person(`Amy ${lane}`))).isError).toBe(false);
    expect((await session.call(TOOL, person(`Amy ${lane}`))).error?.code).toBe("approval_required");
    expect(await countContacts(`Amy ${lane}`)).toBe(1);
  });

  it("refuses all four bypasses: other arguments, other client, another policy, replay", async () => {
    const text = fc.stringMatching(/^[A-Z][a-z]{2,8}$/);
    let turn = 0;
    await fc.assert(
      fc.asyncProperty(
        text,
        text,
        fc.constantFrom("first_name", "last_name", "title"),
        async (a, b, field) => {
          turn += 1;
          const name = `ways_${lane}_${turn}`;
          const [session, other] = [await open(lane, name), await open(lane, name)];
          const args = { first_name: a, last_name: "Ways", title: "Buyer" };
          const status = async (from: typeof session, given: object) =>
            (await from.call(TOOL, { ...given })).error?.code ?? "ran";
          expect(await status(session, args)).toBe("approval_required");
          await decideAs("user_boss", await findApproval(`user_${name}`));
          const changed = { ...args, [field]: `${b}x` };
          expect(await status(session, changed), "other arguments").toBe("approval_required");
          expect(await status(other, args), "another client").toBe("approval_required");
          const changeBack = changeVersion();
          try {
            expect(await status(session, args), "another policy").toBe("approval_required");
          } finally {
            changeBack();
          }
          expect(
            await status(session, Object.fromEntries(Object.entries(args).reverse())),
            "the call itself",
          ).toBe("ran");
          expect(await status(session, args), "replay").toBe("approval_required");
        },
      ),
      { numRuns: 4 },
    );
  }, 60_000);

  it("runs once of many at the same moment", async () => {
    const session = await open(lane, `cas_${lane}`);
    await session.call(TOOL, person("Cas"));
    await decideAs("user_boss", await findApproval(`user_cas_${lane}`));
    const answers = await Promise.all(Array.from({ length: 20 }, () => session.call(TOOL, person("Cas"))));
    expect(answers.filter(({ isError }) => !isError)).toHaveLength(1);
    expect(answers.filter(({ error }) => error?.code === "approval_required")).toHaveLength(19);
  }, 30_000);

  it("is not usable by another user, with any arguments", async () => {
    const [session, stranger] = [await open(lane, `dee_${lane}`), await open(lane, `eve_${lane}`)];
    await session.call(TOOL, person("Dee"));
    await decideAs("user_boss", await findApproval(`user_dee_${lane}`));
    expect((await stranger.call(TOOL, person("Dee"))).error?.code).toBe("approval_required");
  });

  it("that is refused reports it once, in words marked as a person's", async () => {
    const session = await open(lane, `fae_${lane}`);
    await session.call(TOOL, person("Fae"));
    await decideAs("user_boss", await findApproval(`user_fae_${lane}`), false);
    expect((await session.call(TOOL, person("Fae"))).error).toMatchObject({
      code: "forbidden",
      message: "The person who was asked to approve this call refused it.",
    });
    expect((await session.call(TOOL, person("Fae"))).error?.code).toBe("approval_required");
  });

  it("judges session defaults as part of the arguments", async () => {
    const session = await open(lane, `gil_${lane}`);
    setApprovals("sales", [{ ...rule, tools: ["crm_list_deals"], when: { expression: "has(args.region)" } }]);
    expect((await session.call("crm_list_deals", {})).isError).toBe(false);
    expect((await session.call("context_set", { defaults: { region: "EMEA" } })).isError).toBe(false);
    expect((await session.call("crm_list_deals", {})).error?.code).toBe("approval_required");
    const item = await findApproval(`user_gil_${lane}`);
    expect(item.shown).toMatchObject({ values: { region: "EMEA" }, inherited: ["region"] });
    await decideAs("user_boss", item);
    expect((await session.call("crm_list_deals", { region: "EMEA" })).isError, "the same call in full").toBe(
      false,
    );
  });

  it("records each step with its call", async () => {
    const session = await open(lane, `hub_${lane}`);
    await session.call(TOOL, person("Hub"));
    await awaitEvents(`user_hub_${lane}`, 3);
    await decideAs("user_boss", await findApproval(`user_hub_${lane}`));
    await session.call(TOOL, person("Hub"));
    const events = await awaitEvents(`user_hub_${lane}`, 8);
    expect(events.map(({ type }) => type)).toEqual([
      ...["intent", "approval_requested", "outcome", "approval_granted"],
      ...["intent", "approval_executed", "outcome", "approval_returned"],
    ]);
    expect(events[2]).toMatchObject({ status: "failed", error: "approval_required" });
    const { callId } = events[4] as { callId: string };
    expect([events[5], events[7]]).toMatchObject([{ callId }, { callId, status: "ok" }]);
    expect(JSON.stringify(events)).not.toContain('Hub"');
  });

  it("asks no one through the client when another user has to approve", async () => {
    const session = await open(lane, `ivy_${lane}`, { elicitation: { form: {}, url: {} } });
    const answer = await session.call(TOOL, person("Ivy"));
    expect(answer.error?.code).toBe("approval_required");
    expect(answer.error?.message).toContain("Another person who may do so");
  });

  it("does not let an app claim an approval on its own", async () => {
    setApprovals("sales", [{ ...rule, self_approval: true }]);
    const forged = { approval_page: { action: "accept", content: { done: true } } };
    for (const capabilities of [URL_CLIENT, FORM_CLIENT, {}]) {
      const session = await open(lane, `joe_${lane}`, capabilities);
      const params = { name: TOOL, arguments: person("Joe"), inputResponses: forged };
      if (lane === "sessionful") {
        APPROVAL_WAIT_MS.sessionful = 50;
        const call = await startCall(session, "forged", TOOL, person("Joe"));
        if ("elicitation" in capabilities) {
          const question = await call.next();
          await call.reply(question.id, { action: "accept", content: { done: true } });
        }
        expect(JSON.stringify(await call.answer())).toContain("approval_required");
      } else {
        const first = await session.request("tools/call", params);
        const asked = first.result.resultType === "input_required";
        expect(asked, "nothing was asked that this could answer").toBe("elicitation" in capabilities);
        const { requestState } = first.result;
        const { result } = asked ? await session.request("tools/call", { ...params, requestState }) : first;
        expect(JSON.stringify(result)).toContain("approval_required");
      }
    }
    expect(await countContacts("Joe")).toBe(0);
  });
});

describe("a user who may approve it themselves, in a session", { timeout: 20_000 }, () => {
  const name = "user_kit";

  it("is sent to the page, and the same call continues after their decision there", async () => {
    setApprovals("sales", [{ ...rule, self_approval: true }]);
    const session = await open("sessionful", "kit", URL_CLIENT);
    const call = await startCall(session, "led", TOOL, person("Kit"));
    const question = await call.next();
    expect(question).toMatchObject({ method: "elicitation/create", params: { mode: "url" } });
    pathIn(question.params.url);
    await call.reply(question.id, { action: "accept" });
    await decideAs(name, await findApproval(name));
    const complete = await call.next();
    expect(complete).toMatchObject({
      method: "notifications/elicitation/complete",
      params: { elicitationId: question.params.elicitationId },
    });
    expect((await call.answer()).structuredContent.contact.name).toContain("Kit");
  });

  it("gets the link when they do not open it now", async () => {
    setApprovals("sales", [{ ...rule, self_approval: true }]);
    const session = await open("sessionful", "lou", URL_CLIENT);
    const call = await startCall(session, "declined", TOOL, person("Lou"));
    const question = await call.next();
    await call.reply(question.id, { action: "decline" });
    const { content } = await call.answer();
    expect(content[0].text).toContain("approval_required");
    expect(pathIn(content[0].text)).toBe(pathIn(question.params.url));
  });

  it("reads the address in a form when the client supports nothing else", async () => {
    setApprovals("sales", [{ ...rule, self_approval: true }]);
    const session = await open("sessionful", "moe", FORM_CLIENT);
    const call = await startCall(session, "form", TOOL, person("Moe"));
    const question = await call.next();
    expect(question.params.mode).toBe("form");
    pathIn(question.params.message);
    await decideAs("user_moe", await findApproval("user_moe"));
    await call.reply(question.id, { action: "accept", content: { done: true } });
    expect((await call.answer()).isError).toBeUndefined();
  });

  it("gets a new evaluation of the call when the policy changed while they were on the page", async () => {
    setApprovals("sales", [{ ...rule, self_approval: true }]);
    const session = await open("sessionful", "ned", URL_CLIENT);
    const call = await startCall(session, "changed", TOOL, person("Ned"));
    const question = await call.next();
    const item = await findApproval("user_ned");
    const changeBack = changeVersion();
    try {
      // Decided under the version that asked, just before the new one is in force everywhere.
      const decision = { approvalId: item.approvalId, by: "user_ned", granted: true, reason: null };
      await approvalGate(env, "user_ned").decideApproval({
        ...decision,
        policyDigest: item.binding.policyDigest,
      });
      const { content } = await call.answer();
      expect(content[0].text).toContain("approval_required");
      expect(pathIn(content[0].text)).not.toBe(pathIn(question.params.url));
    } finally {
      changeBack();
    }
  });

  it("keeps the approval when the app stops waiting", async () => {
    setApprovals("sales", [{ ...rule, self_approval: true }]);
    const session = await open("sessionful", "ola", URL_CLIENT);
    const call = await startCall(session, "cancelled", TOOL, person("Ola"));
    await call.next();
    const cancelled = { method: "notifications/cancelled", params: { requestId: "cancelled" } };
    await session.post({ jsonrpc: "2.0", ...cancelled });
    await expect.poll(async () => (await eventsOf("user_ola")).at(-1)?.type).toBe("outcome");
    await decideAs("user_ola", await findApproval("user_ola"));
    expect((await findApproval("user_ola", "approved")).state).toBe("approved");
    expect(await countContacts("Ola")).toBe(0);
  });
});

describe("a user who may approve it themselves, on the stateless lane", { timeout: 20_000 }, () => {
  const ask = async (session: Awaited<ReturnType<typeof open>>, first_name: string, more: object = {}) =>
    (await session.request("tools/call", { name: TOOL, arguments: person(first_name), ...more })).result;

  it("is sent to the page, and the repeated call runs when the store has the approval", async () => {
    setApprovals("sales", [{ ...rule, self_approval: true }]);
    const session = await open("stateless", "pam", URL_CLIENT);
    const asked = await ask(session, "Pam");
    expect(asked.resultType).toBe("input_required");
    const { params } = asked.inputRequests.approval_page;
    expect(params).toMatchObject({ mode: "url" });
    expect(params).not.toHaveProperty("elicitationId");
    pathIn(params.url);
    const more = {
      inputResponses: { approval_page: { action: "accept" } },
      requestState: asked.requestState,
    };
    const early = await ask(session, "Pam", more);
    expect(early.content[0].text).toContain("approval_required");
    await decideAs("user_pam", await findApproval("user_pam"));
    expect((await ask(session, "Pam", more)).structuredContent.contact.name).toContain("Pam");
  });

  it("is given a moment after the client reports that they opened the page", async () => {
    APPROVAL_WAIT_MS.stateless = 60_000;
    setApprovals("sales", [{ ...rule, self_approval: true }]);
    const session = await open("stateless", "quin", URL_CLIENT);
    const { requestState } = await ask(session, "Quin");
    const answering = ask(session, "Quin", {
      inputResponses: { approval_page: { action: "accept" } },
      requestState,
    });
    await decideAs("user_quin", await findApproval("user_quin"));
    expect((await answering).structuredContent.contact.name).toContain("Quin");
  });
});

async function countContacts(firstName: string): Promise<number> {
  const row = await env.CRM_DB.prepare("SELECT count(*) AS count FROM contacts WHERE first_name = ?")
    .bind(firstName)
    .first<{ count: number }>();
  return row?.count ?? 0;
}
