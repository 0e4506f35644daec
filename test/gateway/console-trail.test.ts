import { env } from "cloudflare:workers";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { appendLink, type Link } from "../../shared/audit/chain.ts";
import { verifyExport } from "../../shared/audit/verify-export.ts";
import { bundledPolicy } from "../../shared/policy/bundled.ts";
import policy from "../../shared/policy/policy.json" with { type: "json" };
import { checkStretch } from "../../workers/audit-log/check-stretch.ts";
import { writeCheckpoints } from "../../workers/audit-log/write-checkpoints.ts";
import { type CallFilter, readFilter, writeFilter } from "../../workers/gateway/console/trail/filter.ts";
import {
  findCalls,
  findNeighbours,
  type ListedCall,
} from "../../workers/gateway/console/trail/find-calls.ts";
import { callsOf, type FixtureCall } from "../audit/calls.ts";
import { deliver, deliverAll, forgeBody } from "../audit/trail.ts";
import { createPerson, type TestBrowser, type TestPerson } from "../support/oauth.ts";
import { openAs, textOf } from "./waiting-call.ts";

/** The rule of sales that allows the tools of the CRM, wherever the policy has it. */
const RULE = `roles.sales.allowed_tools[${policy.roles.sales.allowed_tools.indexOf("crm_*")}]`;

const START = Date.UTC(2026, 9, 1);
const HOSTILE = `<img src=x onerror="alert(1)">`;
const TRACE = "ab".repeat(16);

const NAMES = ["crm_find_contacts", "crm_move_deal", "search"];
const APPS = ["app_one", "app_two"];
const STATES = ["ok", "ok", "ok", "failed", "denied", "input_required"] as const;

let ann: TestPerson;
let ben: TestPerson;
let auditor: TestBrowser;
const made: (FixtureCall & { person: string; callId: string })[] = [];
const chains = new Map<string, Link[]>();

beforeAll(async () => {
  ({ browser: auditor } = await openAs("auditor"));
  [ann, ben] = [await createPerson("sales", `Ann ${HOSTILE}`), await createPerson("sales", "Ben")];
  for (const [offset, { id }] of [ann, ben].entries()) {
    const calls = Array.from({ length: 120 }, (_, index): FixtureCall & { callId: string } => {
      const callId = crypto.randomUUID();
      const details = {
        callId,
        name: NAMES[(index + offset) % 3] ?? "",
        clientId: APPS[index % 2] ?? "",
        traceId: index === 50 ? TRACE : crypto.randomUUID().replaceAll("-", ""),
        sessionId: index < 60 ? "session-1" : null,
        arguments: { [`query ${HOSTILE}`]: "string" },
        rule: RULE,
        policy: `1:${bundledPolicy().digest.slice(0, 16)}`,
      };
      const status = STATES[(index * 7 + offset) % 6] ?? "ok";
      const error = status === "failed" ? { error: "not_found" } : {};
      return { callId, details, status, ...error, ms: index, at: START + index * 60_000 + offset };
    });
    made.push(...calls.map((call) => ({ ...call, person: id })));
    const links = callsOf(id, calls);
    chains.set(id, links);
    await deliver(links);
  }
  await writeCheckpoints(env);
}, 60_000);

const NOTHING: CallFilter = {
  person: "",
  app: "",
  name: "",
  decision: "",
  status: "",
  trace: "",
  from: null,
  to: null,
};
const ENDINGS: Record<string, string> = { input_required: "waiting" };

/** The ids of the calls that fit, newest first, as a reader of the list of fixtures finds them. */
function expected(filter: CallFilter): string[] {
  return made
    .filter(({ person, details, status, at = 0 }) => {
      const decision = status === "denied" ? "deny" : "allow";
      const facts: Record<string, string | undefined> = {
        person,
        decision,
        app: details?.clientId,
        name: details?.name,
        trace: details?.traceId,
        status: ENDINGS[status] ?? status,
      };
      const fits = Object.entries(facts).every(([field, value]) =>
        [value, ""].includes(String(filter[field as keyof CallFilter])),
      );
      return fits && at >= (filter.from ?? 0) && at < (filter.to ?? Number.MAX_SAFE_INTEGER);
    })
    .sort((one, other) => (other.at ?? 0) - (one.at ?? 0))
    .map(({ callId }) => callId);
}

describe("the search of calls", () => {
  it("finds exactly the calls that fit, each once, over pages of any size", { timeout: 60_000 }, async () => {
    const filters = fc.record<CallFilter>({
      person: fc.constantFrom("", ann.id, ben.id, "user_unknown"),
      app: fc.constantFrom("", ...APPS),
      name: fc.constantFrom("", ...NAMES),
      decision: fc.constantFrom("", "allow", "deny", "mfa"),
      status: fc.constantFrom("", "ok", "failed", "denied", "waiting", "limited"),
      trace: fc.constantFrom("", "", "", TRACE),
      from: fc.constantFrom(null, START + 20 * 60_000),
      to: fc.constantFrom(null, START + 90 * 60_000),
    });
    await fc.assert(
      fc.asyncProperty(filters, fc.integer({ min: 3, max: 60 }), async (filter, size) => {
        const within = { ...filter, from: filter.from ?? START, to: filter.to ?? START + 86_400_000 };
        const found: ListedCall[] = [];
        for (let after: Parameters<typeof findCalls>[2] = null; ; ) {
          const { calls, next } = await findCalls(env.PLATFORM_DB, within, after, size);
          found.push(...calls);
          if (next === null) break;
          after = next;
        }
        expect(found.map(({ callId }) => callId)).toEqual(expected(within));
      }),
      { numRuns: 60 },
    );
  });

  it("keeps its filter in the address, and takes no other words for one", () => {
    const address = writeFilter({ ...NOTHING, person: "a&b", status: "failed", from: START });
    expect(readFilter((name) => address.get(name) ?? undefined)).toEqual({
      ...NOTHING,
      person: "a&b",
      status: "failed",
      from: START,
    });
    expect(readFilter(() => "toString")).toEqual({
      ...NOTHING,
      person: "toString",
      app: "toString",
      name: "toString",
    });
  });

  it("reaches every page through an index and looks through a bounded number of calls", async () => {
    const scans: string[] = [];
    const recording = new Proxy(env.PLATFORM_DB, {
      get(target, property) {
        if (property !== "prepare") return Reflect.get(target, property).bind(target);
        return (sql: string) => {
          sqls.add(sql);
          return target.prepare(sql);
        };
      },
    });
    const sqls = new Set<string>();
    for (const field of ["person", "app", "name", "decision", "status", "trace"] as const) {
      await findCalls(recording, { ...NOTHING, [field]: "failed" }, null);
      await findCalls(recording, { ...NOTHING, [field]: "ok" }, { at: 1, id: 1 });
    }
    await findNeighbours(recording, { chain: "x", at: 1, id: 1, session: 1 } as ListedCall, 5);
    await checkStretch({ ...env, PLATFORM_DB: recording }, "x");
    for (const sql of sqls) {
      const { results } = await env.PLATFORM_DB.prepare(`EXPLAIN QUERY PLAN ${sql}`)
        .bind(
          ...Array.from(
            { length: Math.max(0, ...[...sql.matchAll(/\?(\d+)/g)].map(([, n]) => Number(n))) },
            () => 1,
          ),
        )
        .all<{ detail: string }>();
      for (const { detail } of results) {
        if (/^SCAN (call_entry|trail_word|audit_record|part|span|segment)\b/.test(detail))
          scans.push(`${detail} of ${sql}`);
      }
    }
    expect(sqls.size).toBeGreaterThan(8);
    expect(scans).toEqual([]);
  });
});

describe("the trail in the console", { timeout: 20_000 }, () => {
  it("lists calls by a person's e-mail address, escaped, and leads to each", async () => {
    const html = await textOf(auditor.get(`/console/trail?person=${encodeURIComponent(ann.email)}`));
    expect(html.match(/\/console\/trail\/calls\//g)).toHaveLength(50);
    expect(html).toContain("Ann &lt;img");
    expect(html).not.toContain("<img");
    expect(html).not.toContain(ben.id);
    expect(await textOf(auditor.get("/console/trail?person=nobody%40else.example"))).toContain(
      "No call of the trail",
    );
  });

  it("shows one call with its rule, arguments without values, neighbours and session, and nothing of it as markup", async () => {
    const found = await textOf(auditor.get(`/console/trail?person=${ann.id}&trace=${TRACE}`));
    const [link = ""] = /\/console\/trail\/calls\/[\d.]+/.exec(found) ?? [];
    const html = await textOf(auditor.get(link));
    for (const text of [TRACE, RULE, "in the same session", "query &lt;img", ann.id, "&quot;crm_*&quot;"]) {
      expect(html, text).toContain(text);
    }
    expect(html.match(/\/console\/trail\/calls\//g)).toHaveLength(10);
    expect(html).not.toContain("<img");
    expect((await auditor.get("/console/trail/calls/none';--")).status).toBe(404);
  });

  it("shows the calls of its session around one, also between many calls of other sessions", async () => {
    const person = await createPerson("sales", "Cleo");
    const call = (sessionId: string, name: string, index: number): FixtureCall => ({
      ...{ ms: 1, status: "ok", details: { sessionId, name }, at: START + index * 1_000 },
    });
    const others = (from: number) =>
      Array.from({ length: 20 }, (_, index) => call("session-other", "crm_get_deal", from + index));
    const [before, looked, after] = [
      call("session-mine", "crm_before", 0),
      call("session-mine", "crm_looked", 30),
      call("session-mine", "crm_after", 60),
    ];
    await deliver(callsOf(person.id, [before, ...others(1), looked, ...others(31), after]));
    const found = await textOf(auditor.get(`/console/trail?person=${person.id}&name=crm_looked`));
    const [link = ""] = /\/console\/trail\/calls\/[\d.]+/.exec(found) ?? [];
    const html = await textOf(auditor.get(link));
    const around = [...html.matchAll(/calls\/[\d.]+">(\w+)<\/a>/g)].map(([, name]) => name);
    expect(around).toEqual(["crm_after", ...Array(10).fill("crm_get_deal"), "crm_before"]);
    expect(html.match(/in the same session/g)).toHaveLength(2);
  });

  it("exports the calls that fit, and the records of a person so that the verifier takes them", async () => {
    const query = new URLSearchParams({ person: ben.id, status: "failed" });
    const text = await textOf(auditor.get(`/console/trail/export/calls?${query}`));
    const lines = text
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as ListedCall);
    expect(lines.map(({ callId }) => callId)).toEqual(
      expected({ ...NOTHING, person: ben.id, status: "failed" }),
    );
    const answer = await auditor.get(`/console/trail/export/records?person=${ben.id}`);
    expect(answer.headers.get("Content-Disposition")).toContain("trail.jsonl");
    const records = (await answer.text()).trim().split("\n");
    const verified = await verifyExport(records);
    expect(verified).toMatchObject({ findings: [], records: chains.get(ben.id)?.length, chains: 1 });
    const ofOthers = records.filter((line) => line.startsWith('{"line":"record"') && !line.includes(ben.id));
    expect(ofOthers).toEqual([]);
    const edited = records.map((line) => line.replace("crm_move_deal", "crm_find_contacts"));
    expect((await verifyExport(edited)).findings.length).toBeGreaterThan(0);
  });

  it("checks a chain on the page, and names the record that was changed", async () => {
    const chain = "user_checked";
    const links = callsOf(
      chain,
      Array.from({ length: 8 }, () => ({ ms: 1, status: "ok" as const })),
    );
    await deliver(links);
    await writeCheckpoints(env);
    const page = `/console/trail/check?chain=${chain}`;
    const whole = await textOf(auditor.get(page));
    expect(whole).toContain("Whole: 16 records");
    expect(whole).toMatch(/until <time/);
    const added = appendLink(
      chain,
      { sequence: 16, hash: links.at(-1)?.hash ?? "", at: Date.now() },
      { type: "sign_out", ip: null, country: null },
      Date.now(),
    );
    await deliver([added]);
    expect(await textOf(auditor.get(page))).toContain("1 newer records are chained and not signed yet");
    // Whoever edits an event and its record, hash included, still breaks the link behind it.
    const [third] = links.slice(2, 3);
    await forgeBody(third as Link, { ...JSON.parse(third?.body ?? "{}"), at: 1 });
    const broken = await textOf(auditor.get(page));
    expect(broken).toContain("Not whole");
    expect(broken).toContain("record 3 does not have its hash");
    expect(await textOf(auditor.get("/console/trail/check?chain=nobody"))).toContain(
      "No record of this chain",
    );
  });

  it("shows all records too, of all or of one person, page by page", async () => {
    const { person } = await openAs("viewer");
    await deliverAll(person.id);
    const all = await textOf(auditor.get("/console/trail/records"));
    expect(all).toContain("sign in");
    expect(all).toContain(`chain=${person.id}`);
    const seen: number[] = [];
    for (let path: string | undefined = `/console/trail/records?chain=${ann.id}`; path !== undefined; ) {
      const html: string = await textOf(auditor.get(path));
      expect(html).not.toContain(person.id);
      seen.push(...[...html.matchAll(/record (\d+) of its chain/g)].map(([, number]) => Number(number)));
      path = /href="(\/console\/trail\/records\?chain=[^"]+before=\d+)"/
        .exec(html)?.[1]
        ?.replaceAll("&amp;", "&");
    }
    const count = chains.get(ann.id)?.length ?? 0;
    expect(seen).toEqual(Array.from({ length: count }, (_, index) => count - index));
    expect((await auditor.get("/console/trail/records?before=x&chain=")).status).toBe(200);
  });

  it("is no way to call anything: an auditor's app gets no tool", () => {
    const role = bundledPolicy().roles.get("auditor");
    expect(role?.scopes("crm:read")).toBeNull();
    expect(role?.allowed.tool("context_get")).toBeNull();
  });
});
