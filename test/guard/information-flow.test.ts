import { evictAllDurableObjects } from "cloudflare:test";
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import type { FlowLabels } from "../../shared/call/flow-labels.ts";
import type { Subject } from "../../shared/call/subject.ts";
import { judgeAnswers } from "../../shared/guard/flow/judge-answers.ts";
import type { ClientChannel, RequestContext } from "../../shared/guard/request-context.ts";
import { bundledPolicy } from "../../shared/policy/bundled.ts";
import { openCatalogueOf } from "../../workers/catalogues.ts";
import { keptBy } from "../../workers/gateway/admin-jobs/erase-person.ts";
import { openAs } from "../gateway/waiting-call.ts";
import { decideAs, findApproval, pathIn } from "../support/approvals.ts";
import { setApprovals } from "../support/policy.ts";
import { LANES, openSession, type TestSession } from "../support/session.ts";
import { issueToken } from "../support/token.ts";

/** A tool that stands for one that sends something out of the company. */
const SENDER = "crm_create_contact";
const SCOPES = ["crm:read", "crm:write", "analytics:read", "knowledge:read"];

const rule = {
  name: "no-leak",
  tools: ["*"],
  sends: "outside" as const,
  when: { expression: 'session.has("private", "untrusted")' },
  message: "Words of others have met private data.",
};

/** Labels of whatever a URL offers under this name. */
function labelRead(name: string, labels: Partial<FlowLabels>): void {
  const { resources, templates, prompts } = openCatalogueOf("");
  for (const { subject } of [...resources.values(), ...templates, ...prompts.values()])
    if (subject.name === name) Object.assign(subject, labels);
}

function label(tool: string, labels: Partial<FlowLabels>): void {
  for (const url of ["", "crm"]) Object.assign(openCatalogueOf(url).tools.get(tool)?.subject ?? {}, labels);
}

let people = 0;

/** Two sessions of one app, one for each lane, and another session of the first lane. */
async function openApp(
  as = `flow_${people++}`,
): Promise<{ sessions: TestSession[]; clientId: string; as: string }> {
  const token = await issueToken({ server: "", name: as, role: "sales", scopes: SCOPES });
  const open = (lane: (typeof LANES)[number]) => openSession({ server: "", lane, as, role: "sales", token });
  const sessions = await Promise.all([open("sessionful"), open("stateless"), open("sessionful")]);
  return { sessions, clientId: token.clientId, as };
}

let sent = 0;

/** Whether the sender ran. It fails for no other reason than the rule. */
async function send(session: TestSession): Promise<boolean> {
  sent += 1;
  const { error, isError } = await session.call(SENDER, { first_name: "Out", last_name: `Side ${sent}` });
  if (isError) expect(error?.code).toBe("approval_required");
  return !isError;
}

/** Everything that reads, by what it meets. */
const READS: Record<
  string,
  { meets: "private" | "untrusted"; read(session: TestSession): Promise<unknown> }
> = {
  "a tool of the CRM": {
    meets: "private",
    read: (session) => session.call("crm_find_companies", { query: "a" }),
  },
  "a tool of analytics": { meets: "private", read: (session) => session.call("analytics_list_metrics") },
  "a resource": { meets: "private", read: (session) => session.readResource("crm://pipeline") },
  "a prompt": { meets: "private", read: (session) => session.getPrompt("crm_review_pipeline") },
  "a completion": {
    meets: "private",
    read: (session) =>
      session.complete({ type: "ref/resource", uri: "crm://companies/{id}" }, { name: "id", value: "a" }),
  },
  "a failing call": {
    meets: "private",
    read: (session) => session.call("crm_get_customer", { company_id: "comp_no" }),
  },
  "a search of articles": {
    meets: "untrusted",
    read: (session) => session.call("search", { query: "refund" }),
  },
  "a list of articles": { meets: "untrusted", read: (session) => session.call("knowledge_list_articles") },
};
const names = Object.keys(READS);

type Step = { what: string; at: number }[];
const move = fc.record({
  what: fc.constantFrom(...names, "send", "send", "read memory", "list tools", "eviction"),
  at: fc.nat(2),
});
/** Steps one after the other; the moves of one step at the same time. */
const steps: fc.Arbitrary<Step[]> = fc.array(fc.array(move, { minLength: 1, maxLength: 4 }), {
  minLength: 2,
  maxLength: 7,
});

beforeAll(() => {
  setApprovals("sales", [rule]);
  label(SENDER, { reads: [], sends: "outside" });
});

afterEach(() => {
  bundledPolicy().informationFlow.session = "app";
  label(SENDER, { reads: [] });
});

describe("what leaves the company after private data and words of others were read", () => {
  it("waits for a person, in whatever order and on whatever lane they were read, and is free otherwise", async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (order) => {
        const { sessions } = await openApp();
        /** What was answered before a step, and what was asked for until its end. */
        const answered = new Set<string>();
        const asked = new Set<string>();
        for (const step of order) {
          for (const { what } of step) if (READS[what]) asked.add(READS[what].meets);
          const known = new Set(answered);
          await Promise.all(
            step.map(async ({ what, at }) => {
              const session = sessions[at] as TestSession;
              if (what === "eviction") return await evictAllDurableObjects();
              if (what === "read memory") return await session.call("context_get");
              if (what === "list tools") return await session.listTools();
              if (what !== "send") {
                await READS[what]?.read(session).catch(() => {});
                return answered.add(READS[what]?.meets ?? "");
              }
              const ran = await send(session);
              if (known.size === 2) expect(ran, "both were read before it").toBe(false);
              if (asked.size < 2) expect(ran, "one of them was never read").toBe(true);
            }),
          );
        }
      }),
      { numRuns: 10 },
    );
  }, 120_000);

  it.each(names)("counts %s", async (what) => {
    const { sessions } = await openApp();
    const [first, second] = sessions as [TestSession, TestSession];
    const { meets, read } = READS[what] as (typeof READS)[string];
    await read(first).catch(() => {});
    expect(await send(second), "one alone is harmless").toBe(true);
    await READS[meets === "private" ? "a search of articles" : "a tool of the CRM"]?.read(second);
    expect(await send(first)).toBe(false);
  });

  it("tells the person which tools have read what, on the page and in the answer", async () => {
    const { sessions, as } = await openApp();
    const [first, second] = sessions as [TestSession, TestSession];
    await first.call("crm_find_companies", { query: "a" });
    await second.call("search", { query: "refund" });
    const { error } = await second.call(SENDER, { first_name: "Out", last_name: "Told" });
    expect(error?.message).toContain(
      "Before, this app has read private data with crm_find_companies; and text of others with search.",
    );
    const { shown } = await findApproval(`user_${as}`);
    expect(shown?.met).toEqual([
      { label: "private", names: ["crm_find_companies"] },
      { label: "untrusted", names: ["search"] },
    ]);
    const { browser } = await openAs("admin");
    const page = await (await browser.get(pathIn(error?.message))).text();
    expect(page).toContain("What this app has read before");
    expect(page).toContain("<code>crm_find_companies</code>");
  });

  it("runs once it is approved, and the next call asks again", async () => {
    const { sessions, as } = await openApp();
    const [first, second] = sessions as [TestSession, TestSession];
    await first.call("crm_find_companies", { query: "a" });
    await second.call("search", { query: "refund" });
    const args = { first_name: "Out", last_name: `Approved ${as}` };
    expect((await first.call(SENDER, args)).error?.code).toBe("approval_required");
    await decideAs("user_boss", await findApproval(`user_${as}`));
    expect((await second.call(SENDER, args)).isError).toBe(false);
    expect((await second.call(SENDER, args)).error?.code).toBe("approval_required");
  });

  it("concerns neither another app nor another person, unless the policy counts a person's apps together", async () => {
    const { sessions, as } = await openApp();
    const [first] = sessions as [TestSession];
    await first.call("crm_find_companies", { query: "a" });
    await first.call("search", { query: "refund" });
    const [other, stranger] = await Promise.all([openApp(as), openApp()]);
    expect(await send(other.sessions[0] as TestSession)).toBe(true);
    expect(await send(stranger.sessions[0] as TestSession)).toBe(true);
    bundledPolicy().informationFlow.session = "person";
    expect(await send(other.sessions[1] as TestSession)).toBe(false);
    expect(await send(stranger.sessions[1] as TestSession)).toBe(true);
  });

  it("belongs to the person's data, which is exported and erased", async () => {
    const { sessions, as, clientId } = await openApp();
    const [first] = sessions as [TestSession];
    await first.call("crm_find_companies", { query: "a" });
    await first.call("search", { query: "refund" });
    const person = keptBy(env, `user_${as}`);
    expect((await person.readKept()).met).toMatchObject([
      { clientId, label: "private", name: "crm_find_companies" },
      { clientId, label: "untrusted", name: "search" },
    ]);
    expect(await send(first)).toBe(false);
    await person.eraseKept();
    expect((await person.readKept()).met).toEqual([]);
    expect(await send(first)).toBe(true);
  });

  it("is judged by what was read before it, not by what it reads itself, also while it waits for its approval", async () => {
    label(SENDER, { reads: ["untrusted"] });
    setApprovals("sales", [{ name: "look", tools: [SENDER], message: "Look." }, rule]);
    const { sessions, as } = await openApp();
    const [first, second] = sessions as [TestSession, TestSession];
    await first.call("crm_find_companies", { query: "a" });
    const args = { first_name: "Out", last_name: `Own ${as}` };
    expect((await first.call(SENDER, args)).error?.message).not.toContain("text of others");
    const item = await findApproval(`user_${as}`);
    expect(item.reason).toBe("Look.");
    await decideAs("user_boss", item);
    expect((await second.call(SENDER, args)).isError, "it had read nothing yet").toBe(false);
    setApprovals("sales", [rule]);
    expect(await send(first), "now it has read the words of others").toBe(false);
  });

  it("is refused where the words of a read go outside: no person can be asked for a read", async () => {
    const { sessions } = await openApp();
    const [first, second] = sessions as [TestSession, TestSession];
    const template = openCatalogueOf("").templates.find(
      ({ definition }) => definition.uriTemplate === "crm://companies/{id}",
    )?.subject.name as string;
    const all = ["crm_review_pipeline", template];
    for (const name of all) labelRead(name, { reads: [], sends: "outside" });
    const reads: Record<string, () => Promise<unknown>> = {
      prompt: () => second.getPrompt("crm_review_pipeline"),
      resource: () => second.readResource("crm://companies/comp_acme"),
      completion: () =>
        second.complete({ type: "ref/resource", uri: "crm://companies/{id}" }, { name: "id", value: "a" }),
    };
    const tell = async (what: string) =>
      await reads[what]?.().then(
        () => "read",
        (failure: Error) => failure.message,
      );
    try {
      await first.call("search", { query: "refund" });
      for (const what of Object.keys(reads)) expect(await tell(what), what).not.toContain(rule.message);
      await first.call("crm_find_companies", { query: "a" });
      for (const what of Object.keys(reads)) expect(await tell(what), what).toContain(rule.message);
    } finally {
      for (const name of all) labelRead(name, { reads: ["private"], sends: "nothing" });
    }
  });

  it("is decided again after an answer in the middle of the call", async () => {
    const { sessions, as } = await openApp();
    const ctx = { env, identity: { userId: `user_${as}`, clientId: sessions[0]?.token.clientId ?? "" } };
    const [first] = sessions as [TestSession];
    await first.call("crm_find_companies", { query: "a" });
    const subject = openCatalogueOf("").tools.get(SENDER)?.subject as Subject;
    const person = { ...ctx.identity, role: "sales", scopes: SCOPES, ip: null, country: null, mfaAt: null };
    const running = { env, identity: person, policy: bundledPolicy() } as unknown as RequestContext;
    const answers = { ask: async () => ({ action: "accept", content: {} }) } as unknown as ClientChannel;
    const allowed = { subject, input: {}, session: ["private" as const] };
    const channel = judgeAnswers(running, allowed, answers);
    const question = { message: "?", schema: z.object({}) } as never;
    await expect(channel.ask(question)).resolves.toMatchObject({ action: "accept" });
    await first.call("search", { query: "refund" });
    await expect(channel.ask(question)).rejects.toMatchObject({ code: "forbidden" });
    label(SENDER, { sends: "nothing" });
    const model = { relay: async () => ({}) } as unknown as ClientChannel;
    const relay = (method: string) =>
      judgeAnswers(running, { ...allowed, subject: { ...subject } }, model).relay({
        method,
        params: {},
      } as never);
    await expect(relay("elicitation/create"), "a person's own words").resolves.toEqual({});
    await expect(relay("sampling/createMessage")).rejects.toMatchObject({ code: "forbidden" });
    label(SENDER, { sends: "outside" });
    const approved = judgeAnswers(running, { ...allowed, session: ["private", "untrusted"] }, answers);
    await expect(approved.ask(question), "its approval knew of both").resolves.toMatchObject({
      action: "accept",
    });
  });

  it.each(LANES)("says in results where their data comes from, on the %s lane", async (lane) => {
    const session = await openSession({ server: "", lane, as: `origin_${lane}` });
    const originOf = async (method: string, params: Record<string, unknown>) =>
      (await session.request(method, params)).result._meta?.["io.modelcontextprotocol/trust-annotations"];
    const call = (name: string, args = {}) => originOf("tools/call", { name, arguments: args });
    expect(await call("crm_find_companies", { query: "a" })).toEqual({ sensitive: true });
    expect(await call("search", { query: "refund" })).toEqual({ untrusted: true });
    expect(await call("context_get"), "what the session has met").toEqual({
      sensitive: true,
      untrusted: true,
    });
    expect(await originOf("resources/read", { uri: "crm://pipeline" })).toEqual({ sensitive: true });
    expect(await originOf("prompts/get", { name: "crm_review_pipeline" })).toEqual({ sensitive: true });
  });
});
