import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { bundledPolicy } from "../../shared/policy/bundled.ts";
import { compileGlobs } from "../../shared/policy/glob.ts";
import { PROGRAM_BOUNDS } from "../../shared/server/code/run-program.ts";
import { openCatalogueOf } from "../../workers/catalogues.ts";
import { WaitingPrograms } from "../../workers/objects/principal/waiting-programs.ts";
import { eventsOf } from "../audit/trail.ts";
import { decideAs, findApproval } from "../support/approvals.ts";
import { changeVersion, setApprovals } from "../support/policy.ts";
import { LANES, openSession, type TestSession } from "../support/session.ts";
import { attemptsOf } from "./escape-attempts.ts";

/** A server that listens, outside of the runtime. */
const HOST = env.PLAIN_HTTP_UPSTREAMS.split(" ")[0] ?? "";
const ATTEMPTS = attemptsOf(HOST);

const CREATE = "crm_create_contact";
const SCOPES = ["crm:read", "crm:write", "analytics:read", "knowledge:read"];
const BOUNDS = { ...PROGRAM_BOUNDS };
const rule = { name: "look", tools: [CREATE], message: "A person has to look." };

beforeAll(() => {
  Object.assign(env, {
    CODE_LOADER: (env as unknown as { TEST_CODE_LOADER: WorkerLoader }).TEST_CODE_LOADER,
  });
});

afterEach(() => {
  setApprovals("sales", []);
  Object.assign(PROGRAM_BOUNDS, BOUNDS);
});

const open = (lane: (typeof LANES)[number], as: string, role = "sales") =>
  openSession({ server: "", lane, as, role, scopes: SCOPES });

const run = async (session: TestSession, code: string, more: object = {}) => {
  const { data, error } = await session.call("tools_run_code", { code, ...more });
  expect(error, JSON.stringify(error)).toBeUndefined();
  return data;
};

const countContacts = (last: string) =>
  env.CRM_DB.prepare("SELECT count(*) AS n FROM contacts WHERE last_name = ?").bind(last).first<number>("n");

describe.each(LANES)("code over tools, on the %s lane", { timeout: 20_000 }, (lane) => {
  it("gives the result of code that calls tools, each with a record of its own", async () => {
    const session = await open(lane, `code_${lane}`);
    const { data, error } = await session.call("tools_run_code", {
      code: "const { metrics } = await tools.analytics_list_metrics(); return metrics.length > 3;",
    });
    expect(error).toBeUndefined();
    expect(data).toEqual({
      status: "done",
      result: true,
      calls: [{ tool: "analytics_list_metrics", outcome: "ok" }],
    });
    const params = { name: "tools_run_code", arguments: { code: "return 1;" } };
    const { result } = await session.request("tools/call", params);
    expect(result._meta?.["io.modelcontextprotocol/trust-annotations"]).toEqual({ sensitive: true });
    const events = JSON.stringify(await eventsOf(`user_code_${lane}`));
    expect(events).toContain('"name":"tools_run_code"');
    expect(events).toContain('"name":"analytics_list_metrics"');
  });

  it("waits for an approval in the middle, goes on after it, and runs nothing twice", async () => {
    setApprovals("sales", [rule]);
    const as = `wait_${lane}`;
    const session = await open(lane, as);
    const code = `
      await tools.crm_create_company({ name: "Before ${as}" });
      const made = await tools.${CREATE}({ first_name: "In", last_name: "Middle ${as}" });
      await tools.crm_create_company({ name: "After ${as}" });
      return made.contact.last_name ?? made;`;
    const first = await run(session, code);
    expect(first).toMatchObject({
      status: "waiting",
      reason: expect.stringContaining("/approvals/"),
      run: expect.stringMatching(/^run_[0-9a-f]{32}$/),
      calls: [
        { tool: "crm_create_company", outcome: "ok" },
        { tool: CREATE, outcome: "waiting" },
      ],
    });
    const other = await session.call("tools_run_code", { code: `${code} `, run: first.run });
    expect(other.error?.code, "other code").toBe("conflict");
    const stranger = await open(lane, `${as}_stranger`);
    const taken = await stranger.call("tools_run_code", { code, run: first.run });
    expect(taken.error?.code, "another person").toBe("not_found");
    await decideAs("user_boss", await findApproval(`user_${as}`));
    const [one, two] = await Promise.all([
      session.call("tools_run_code", { code, run: first.run }),
      session.call("tools_run_code", { code, run: first.run }),
    ]);
    const done = [one, two].filter(({ error }) => error === undefined);
    expect(done, "of two that go on with it, one does").toHaveLength(1);
    expect(done[0]?.data).toMatchObject({
      status: "done",
      calls: [
        { tool: "crm_create_company", outcome: "ok", earlier: true },
        { tool: CREATE, outcome: "ok" },
        { tool: "crm_create_company", outcome: "ok" },
      ],
    });
    expect(await countContacts(`Middle ${as}`)).toBe(1);
    const companies = env.CRM_DB.prepare("SELECT count(*) AS n FROM companies WHERE name IN (?, ?)");
    expect(await companies.bind(`Before ${as}`, `After ${as}`).first("n")).toBe(2);
  });

  it("does not go on under another policy", async () => {
    setApprovals("sales", [rule]);
    const session = await open(lane, `policy_${lane}`);
    const code = `return await tools.${CREATE}({ first_name: "Other", last_name: "Policy" });`;
    const first = await run(session, code);
    const changeBack = changeVersion();
    const again = await session.call("tools_run_code", { code, run: first.run }).finally(changeBack);
    expect(again.error?.code).toBe("conflict");
  });

  it("is cut off when it does not end, and says what it has done", async () => {
    Object.assign(PROGRAM_BOUNDS, { ms: 1_000, calls: 10_000 });
    const session = await open(lane, `late_${lane}`);
    const late = await run(session, "for (;;) await tools.context_get();");
    expect(late).toMatchObject({ status: "timed_out", reason: "The code did not end within 1 seconds." });
    expect(late.calls[0]).toEqual({ tool: "context_get", outcome: "ok" });
    // The runtime itself ends code that waits for nothing.
    const stuck = await run(session, "await tools.context_get(); await new Promise(() => {});");
    expect(stuck.status).toMatch(/failed|timed_out/);
    expect(stuck.calls).toEqual([{ tool: "context_get", outcome: "ok" }]);
  });

  it("says what is wrong with code that cannot run, and with code that throws", async () => {
    const session = await open(lane, `wrong_${lane}`);
    const broken = await run(session, "return (;");
    expect(broken).toMatchObject({ status: "failed", reason: expect.stringContaining("The code threw: ") });
    const thrown = await run(session, 'await tools.context_get(); throw new Error("no deal");');
    expect(thrown).toMatchObject({ status: "failed", reason: "The code threw: no deal" });
    expect(thrown.calls).toEqual([{ tool: "context_get", outcome: "ok" }]);
  });
});

describe("code in its isolate", { timeout: 60_000 }, () => {
  let prisoner: Promise<TestSession> | undefined;

  it("is held in at least 40 ways out, of which those to the network lead to a server that answers", async () => {
    expect(ATTEMPTS.length).toBeGreaterThanOrEqual(40);
    expect((await fetch(`http://${HOST}/answer`)).ok).toBe(true);
  });

  it.each(ATTEMPTS)("does not get out by $what", async ({ code, gives = "held" }) => {
    prisoner ??= open("stateless", "prisoner", "viewer");
    const end = await run(await prisoner, code);
    expect(end).toMatchObject({ status: "done", result: gives });
    // The host is what it was.
    expect(({} as { role?: string }).role).toBeUndefined();
    expect(JSON.stringify({ a: 1 })).toBe('{"a":1}');
  });

  it("never finds, describes or calls a tool that its caller may not use", async () => {
    const role = bundledPolicy().roles.get("sales");
    const allowed = role?.allowed.tool;
    const names = [...openCatalogueOf("").tools.keys()].filter((name) => !/^(?:context|tools)_/.test(name));
    const chosen = fc.subarray(names, { minLength: 1, maxLength: 12 });
    try {
      await fc.assert(
        fc.asyncProperty(chosen, async (forbidden) => {
          const isForbidden = compileGlobs(forbidden);
          const free = (name: string) => (isForbidden(name) === null ? (allowed?.(name) ?? null) : null);
          Object.assign(role?.allowed ?? {}, { tool: free });
          const session = await open("stateless", "narrow");
          const code = `
            const tried = ${JSON.stringify(forbidden)};
            const found = new Set();
            for (const name of tried)
              for (const tool of await tools.find(name.replaceAll("_", " "))) found.add(tool.name);
            const described = [], called = [];
            for (const name of tried) {
              await tools.describe(name).then(() => described.push(name), () => {});
              await tools.call(name, {}).then(() => called.push(name), (failure) => {
                if (failure.code !== "forbidden" && failure.code !== "not_found") called.push(name + failure.code);
              });
            }
            return { found: tried.filter((name) => found.has(name)), described, called };`;
          const { result } = await run(session, code);
          expect(result).toEqual({ found: [], described: [], called: [] });
        }),
        { numRuns: 8 },
      );
    } finally {
      Object.assign(role?.allowed ?? {}, { tool: allowed });
    }
  });
});

describe("the programs that wait", () => {
  const rights = { clientId: "app", server: "", codeDigest: "d", role: "sales", policyDigest: "p" };
  const big = { ok: true as const, value: "😀é".repeat(400_000) };
  const program = (id: string) => ({
    ...{ id, ...rights, at: 0 },
    journal: [
      { tool: "read", digest: "1", outcome: big },
      { tool: "pay", digest: "2", outcome: null },
    ],
  });

  /** Programs in the storage of an object of their own. */
  async function withPrograms(name: string, check: (programs: WaitingPrograms) => void): Promise<void> {
    const stub = env.PRINCIPAL.get(env.PRINCIPAL.idFromName(`programs_${name}`));
    await runInDurableObject(stub, (_object, { storage }) => check(new WaitingPrograms(storage.sql)));
  }

  it("come back whole, also with answers over the limit of one value", async () => {
    await withPrograms("whole", (programs) => {
      programs.keep(program("run_1"), 0);
      const taken = programs.take("run_1", rights, 1);
      expect(JSON.stringify(taken) === JSON.stringify(program("run_1"))).toBe(true);
      expect(programs.take("run_1", rights, 1), "it goes on once").toBeNull();
    });
  });

  it("stay for other code, role and policy, and wait no longer for it", async () => {
    await withPrograms("other", (programs) => {
      programs.keep(program("run_2"), 0);
      const end = programs.nextMoment();
      for (const other of [{ codeDigest: "e" }, { role: "viewer" }, { policyDigest: "q" }])
        expect(programs.take("run_2", { ...rights, ...other }, 1_000)).toBe("other");
      expect(programs.nextMoment()).toBe(end);
      expect(programs.take("run_2", { ...rights, clientId: "stranger" }, 1_000)).toBeNull();
      expect(programs.take("run_2", rights, 1_000)).toMatchObject({ id: "run_2" });
    });
  });
});

describe("a Gatehouse without the binding", () => {
  it("has no tool for code", async () => {
    const loader = (env as unknown as { CODE_LOADER?: WorkerLoader }).CODE_LOADER;
    Object.assign(env, { CODE_LOADER: undefined });
    try {
      const session = await open("stateless", "without");
      expect((await session.listTools()).map(({ name }: { name: string }) => name)).not.toContain(
        "tools_run_code",
      );
    } finally {
      Object.assign(env, { CODE_LOADER: loader });
    }
  });
});
