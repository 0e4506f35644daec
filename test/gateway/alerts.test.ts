import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { alertsSection } from "../../shared/policy/alerts.ts";
import { type CallCounts, sumCounts } from "../../workers/audit-log/figures/read-figures.ts";
import {
  type AlertFacts,
  type AlertKind,
  type FoundAlert,
  findAlerts,
  KINDS_BY_PART,
} from "../../workers/gateway/alerts/find-alerts.ts";
import type { BehaviourFacts } from "../../workers/gateway/alerts/find-behaviour.ts";
import { listAlerts, noteAlerts, runAlerts, sendTest } from "../../workers/gateway/alerts/run-alerts.ts";
import { sendAlert } from "../../workers/gateway/alerts/send-alert.ts";
import { callsOf } from "../audit/calls.ts";
import { deliver } from "../audit/trail.ts";
import { openAs, textOf } from "./waiting-call.ts";

const NOW = Date.UTC(2026, 10, 29, 12);
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const KEY = new Uint8Array(32).fill(7);
const SECRET = `whsec_${btoa(String.fromCharCode(...KEY))}`;
const RULES = alertsSection.parse({});

const TARGETS = {
  ALERT_WEBHOOK_URL: "https://hooks.example.com/gatehouse",
  ALERT_WEBHOOK_SECRET: SECRET,
  ALERT_SLACK_URL: "https://slack.example.com/services/T0/B0/x",
};
const withTargets = { ...env, ...TARGETS } as Env;

/** A receiver that takes what `takes` says. */
class Receiver {
  readonly received: { host: string; headers: Headers; body: string }[] = [];
  takes: (host: string) => boolean = () => true;
  readonly send = async (request: Request) => {
    const { host } = new URL(request.url);
    if (!this.takes(host)) throw new Error("away");
    this.received.push({ host, headers: request.headers, body: await request.text() });
  };
}

const calls = (parts: object) => ({ ...sumCounts([]), ...parts });

/** Calls of which so many were fast and slow: 20 ms and 5 seconds. */
const timed = (fast: number, slow: number) =>
  calls({
    ok: fast + slow,
    buckets: sumCounts([]).buckets.map((_, index) => ({ 1: fast, 8: slow })[index] ?? 0),
  });

const burning = (speed: "fast" | "slow", long: CallCounts, short: CallCounts): AlertFacts => {
  const quiet = { long: calls({}), short: calls({}) };
  return { burns: { fast: quiet, slow: quiet, [speed]: { long, short } } };
};

const behaving = (parts: Partial<BehaviourFacts>): AlertFacts => ({
  behaviour: { denials: [], volumes: [], newTools: [], newCountries: [], ...parts },
});

const partsWith = (parts: object): AlertFacts => ({
  parts: { failing: [], broken: [], sinks: [], ...parts },
});

/** Of each kind, facts at its threshold and facts just below. */
const THRESHOLDS: readonly [AlertKind, AlertFacts, AlertFacts][] = [
  ["failed_calls", { calls: calls({ ok: 80, failed: 20 }) }, { calls: calls({ ok: 81, failed: 19 }) }],
  ["failed_calls", { calls: calls({ ok: 0, failed: 20 }) }, { calls: calls({ ok: 0, failed: 19 }) }],
  [
    "slow_calls",
    { calls: calls({ ok: 40, buckets: sumCounts([]).buckets.map((_, index) => (index === 10 ? 40 : 0)) }) },
    { calls: calls({ ok: 40 }) },
  ],
  ["denials", { calls: calls({ denied: 100 }) }, { calls: calls({ denied: 99 }) }],
  ["limits", { calls: calls({ limited: 200 }) }, { calls: calls({ limited: 199 }) }],
  [
    "dead_letters",
    { trail: { deadLetters: 1, checkpointAgeMs: 0 } },
    { trail: { deadLetters: 0, checkpointAgeMs: 0 } },
  ],
  [
    "checkpoint",
    { trail: { deadLetters: 0, checkpointAgeMs: 120 * MINUTE_MS } },
    { trail: { deadLetters: 0, checkpointAgeMs: 120 * MINUTE_MS - 1 } },
  ],
  ["counting", { countLagMs: 15 * MINUTE_MS }, { countLagMs: 15 * MINUTE_MS - 1 }],
  ["part", partsWith({ failing: ["CRM_DB"] }), partsWith({})],
  ["connection", partsWith({ broken: ["shop"] }), partsWith({})],
  [
    "sink",
    partsWith({ sinks: [{ name: "r2", failures: 3 }] }),
    partsWith({ sinks: [{ name: "r2", failures: 2 }] }),
  ],
  // 1 % may fail; 14.4 times as many are 14.4 %, in both spans.
  [
    "burn",
    burning("fast", calls({ ok: 856, failed: 144 }), calls({ ok: 85, failed: 15 })),
    burning("fast", calls({ ok: 856, failed: 144 }), calls({ ok: 86, failed: 14 })),
  ],
  [
    "burn",
    burning("slow", calls({ ok: 940, failed: 60 }), calls({ ok: 93, failed: 7 })),
    burning("slow", calls({ ok: 941, failed: 59 }), calls({ ok: 93, failed: 7 })),
  ],
  // 5 % may take longer than 2 seconds; 6 times as many are 30 %.
  ["burn", burning("slow", timed(70, 31), timed(69, 31)), burning("slow", timed(71, 29), timed(69, 31))],
  [
    "burn",
    burning("fast", calls({ failed: 20 }), calls({ failed: 20 })),
    burning("fast", calls({ failed: 20 }), calls({ failed: 19 })),
  ],
  [
    "denials_in_row",
    behaving({ denials: [{ member: "user_x", count: 10 }] }),
    behaving({ denials: [{ member: "user_x", count: 9 }] }),
  ],
  [
    "volume",
    behaving({ volumes: [{ dimension: "app", member: "app_x", count: 600, busiest: 200 }] }),
    behaving({ volumes: [{ dimension: "app", member: "app_x", count: 600, busiest: 201 }] }),
  ],
  [
    "volume",
    behaving({ volumes: [{ dimension: "person", member: "user_x", count: 500, busiest: 1 }] }),
    behaving({ volumes: [{ dimension: "person", member: "user_x", count: 499, busiest: 1 }] }),
  ],
  [
    "new_tools",
    behaving({ newTools: [{ member: "user_x", count: 3 }] }),
    behaving({ newTools: [{ member: "user_x", count: 2 }] }),
  ],
  [
    "new_country",
    behaving({ newCountries: [{ dimension: "person", member: "user_x", count: 1 }] }),
    behaving({ newCountries: [] }),
  ],
  ["team_without_member", { teams: ["team_x"] }, { teams: [] }],
  [
    "expiring_credential",
    { credentials: [{ subject: "secret shop", leftMs: 14 * DAY_MS - 1 }] },
    { credentials: [{ subject: "secret shop", leftMs: 14 * DAY_MS }] },
  ],
  [
    "expiring",
    { keys: [{ id: "key_x", leftMs: 14 * DAY_MS - 1 }] },
    { keys: [{ id: "key_x", leftMs: 14 * DAY_MS }] },
  ],
];

beforeEach(async () => {
  vi.spyOn(console, "error").mockImplementation(() => undefined);
  await env.PLATFORM_DB.batch(
    ["alert_delivery", "alert", "alert_silence", "dead_letter", "call_figure", "call_entry", "known_use"].map(
      (table) => env.PLATFORM_DB.prepare(`DELETE FROM ${table}`),
    ),
  );
});

describe("alerts", () => {
  it.each(THRESHOLDS)(
    "of the kind %s are found at the threshold and told, and over below it and told",
    async (kind, over, under) => {
      const receiver = new Receiver();
      const run = (minutes: number, facts: AlertFacts) =>
        runAlerts(withTargets, NOW + minutes * MINUTE_MS, receiver.send, async () => ({ facts, unread: [] }));
      await run(0, under);
      expect(receiver.received).toEqual([]);
      await run(5, over);
      await run(10, over);
      const [begun] = await listAlerts(env.PLATFORM_DB);
      expect(begun).toMatchObject({ kind, begunAt: NOW + 5 * MINUTE_MS, resolvedAt: null });
      await run(15, under);
      expect(await listAlerts(env.PLATFORM_DB)).toEqual([{ ...begun, resolvedAt: NOW + 15 * MINUTE_MS }]);
      const told = receiver.received.filter(({ host }) => host.startsWith("hooks"));
      expect(told.map(({ body }) => JSON.parse(body).type)).toEqual([
        "gatehouse.alert.begun",
        "gatehouse.alert.resolved",
      ]);
      expect(findAlerts(under, RULES)).toEqual([]);
    },
  );

  it("have a kind in one place each, and the cases above have every one", () => {
    const kinds = Object.values(KINDS_BY_PART).flat();
    expect(new Set(kinds).size).toBe(kinds.length);
    expect(new Set(THRESHOLDS.map(([kind]) => kind))).toEqual(new Set(kinds));
  });

  it("begin once, last while they are found, end when they are not, and begin again as another one", async () => {
    const found: FoundAlert = { kind: "part", subject: "CRM_DB", text: "CRM_DB does not answer." };
    const other: FoundAlert = { ...found, subject: "MEDIA" };
    await noteAlerts(env.PLATFORM_DB, [found], NOW);
    await noteAlerts(env.PLATFORM_DB, [found, other], NOW + 5 * MINUTE_MS);
    await noteAlerts(env.PLATFORM_DB, [other], NOW + 10 * MINUTE_MS);
    await noteAlerts(env.PLATFORM_DB, [found, other], NOW + 15 * MINUTE_MS);
    const listed = (await listAlerts(env.PLATFORM_DB)).map(({ subject, begunAt, resolvedAt }) => [
      subject,
      (begunAt - NOW) / MINUTE_MS,
      resolvedAt === null ? null : (resolvedAt - NOW) / MINUTE_MS,
    ]);
    expect(listed).toEqual([
      ["CRM_DB", 15, null],
      ["MEDIA", 5, null],
      ["CRM_DB", 0, 10],
    ]);
  });

  it("are told to each target once, signed by Standard Webhooks, and so is their end", async () => {
    const receiver = new Receiver();
    await env.PLATFORM_DB.prepare(
      "INSERT INTO dead_letter (id, body, reason, at, tried_at) VALUES ('m', '1', 'r', 1, 1)",
    ).run();
    for (const minutes of [0, 5, 10]) await runAlerts(withTargets, NOW + minutes * MINUTE_MS, receiver.send);
    const own = () =>
      receiver.received.filter(({ body }) => body.includes("audit trail could not be stored"));
    expect(
      own()
        .map(({ host }) => host)
        .toSorted(),
    ).toEqual(["hooks.example.com", "slack.example.com"]);
    const hook = own().find(({ host }) => host.startsWith("hooks"));
    const [id, seconds, signature] = ["id", "timestamp", "signature"].map(
      (name) => hook?.headers.get(`webhook-${name}`) ?? "",
    );
    expect(seconds).toBe(String(NOW / 1_000));
    const key = await crypto.subtle.importKey("raw", KEY, { name: "HMAC", hash: "SHA-256" }, false, [
      "verify",
    ]);
    const bytes = Uint8Array.from(atob((signature ?? "").slice("v1,".length)), (character) =>
      character.charCodeAt(0),
    );
    const signed = new TextEncoder().encode(`${id}.${seconds}.${hook?.body}`);
    expect(await crypto.subtle.verify("HMAC", key, bytes, signed)).toBe(true);
    expect(JSON.parse(hook?.body ?? "{}")).toMatchObject({
      type: "gatehouse.alert.begun",
      data: { kind: "dead_letters" },
    });
    await env.PLATFORM_DB.prepare("DELETE FROM dead_letter").run();
    for (const minutes of [15, 20]) await runAlerts(withTargets, NOW + minutes * MINUTE_MS, receiver.send);
    expect(
      own()
        .map(({ body }) => /alert\.(begun|resolved)|(Alert|Over):/.exec(body)?.[0])
        .toSorted(),
    ).toEqual(["Alert:", "Over:", "alert.begun", "alert.resolved"]);
  });

  it("are told again under the same id to a target that failed, and not to the one that did not", async () => {
    const receiver = new Receiver();
    await env.PLATFORM_DB.prepare(
      "INSERT INTO dead_letter (id, body, reason, at, tried_at) VALUES ('m', '1', 'r', 1, 1)",
    ).run();
    receiver.takes = (host) => host.startsWith("slack");
    await runAlerts(withTargets, NOW, receiver.send);
    await runAlerts(withTargets, NOW + 5 * MINUTE_MS, receiver.send);
    const own = () => receiver.received.filter(({ body }) => body.includes("could not be stored"));
    expect(own().map(({ host }) => host)).toEqual(["slack.example.com"]);
    receiver.takes = () => true;
    await runAlerts(withTargets, NOW + 10 * MINUTE_MS, receiver.send);
    await runAlerts(withTargets, NOW + 15 * MINUTE_MS, receiver.send);
    expect(own().map(({ host }) => host)).toEqual(["slack.example.com", "hooks.example.com"]);
    const [alert] = await listAlerts(env.PLATFORM_DB);
    expect(own()[1]?.headers.get("webhook-id")).toBe(`alert_${alert?.id}_begun`);
  });

  it("reach one target however many the other one does not take, which is asked once a run", async () => {
    const receiver = new Receiver();
    let failures = 0;
    receiver.takes = (host) => host.startsWith("slack") || ++failures === 0;
    const many = Array.from({ length: 40 }, (_, index) => ({
      kind: "dead_letters",
      subject: `s${index}`,
      text: `Alert ${index}.`,
    }));
    await noteAlerts(env.PLATFORM_DB, many as FoundAlert[], NOW);
    for (const minutes of [5, 10]) await runAlerts(withTargets, NOW + minutes * MINUTE_MS, receiver.send);
    // One message a run for people, which counts what it leaves out: 50 changes, then the 30 that are left.
    const own = receiver.received.filter(({ body }) => /Alert \d+\./.test(body));
    expect(own.map(({ body }) => body.match(/Alert \d+\./g)?.length)).toEqual([20, 20]);
    expect(own.map(({ body }) => /And (\d+) more/.exec(body)?.[1])).toEqual(["30", expect.anything()]);
    expect(failures).toBe(2);
  });

  it("come from the calls of the last 15 minutes", async () => {
    const failing = Array.from({ length: 25 }, (_, index) => ({
      ms: 5,
      status: "failed" as const,
      error: "timeout",
      at: NOW + index,
    }));
    await deliver(callsOf("user_of_alerts", failing));
    const kinds = async (minutes: number) => {
      await runAlerts(env, NOW + minutes * MINUTE_MS);
      return (await listAlerts(env.PLATFORM_DB))
        .filter(({ resolvedAt }) => resolvedAt === null)
        .map(({ kind }) => kind);
    };
    expect(await kinds(14)).toContain("failed_calls");
    expect(await kinds(16)).not.toContain("failed_calls");
  });

  it("go to public addresses over https only, and to none without a key that signs", async () => {
    for (const url of [
      "http://hooks.example.com/",
      "https://127.0.0.1/",
      "https://10.0.0.8/x",
      "https://localhost/",
    ]) {
      await expect(sendAlert(new Request(url, { method: "POST" }))).rejects.toThrow(
        "This address is not asked",
      );
    }
    const receiver = new Receiver();
    for (const secret of ["", "whsec_", "whsec_c2hvcnQ=", KEY.join("")]) {
      const unsigned = { ...env, ...TARGETS, ALERT_WEBHOOK_SECRET: secret, ALERT_SLACK_URL: "" } as Env;
      expect(await sendTest(unsigned, NOW, receiver.send)).toEqual({});
    }
    expect(await sendTest(withTargets, NOW, receiver.send)).toEqual({ webhook: true, slack: true });
    receiver.takes = () => false;
    expect(await sendTest(withTargets, NOW, receiver.send)).toEqual({ webhook: false, slack: false });
  });

  it("are shown as text on their page, with the thresholds", async () => {
    await noteAlerts(
      env.PLATFORM_DB,
      [{ kind: "connection", subject: "x", text: "<script>alert(1)</script>" }],
      NOW,
    );
    const { browser, person } = await openAs("admin");
    const html = await textOf(browser.get("/console/alerts"));
    expect(html).toContain("&lt;script");
    expect(html).not.toContain("<script");
    expect(html).toContain("failed_share");
    expect(html).toContain("No target is configured");
    expect((await browser.post("/console/alerts/test", { subject: person.id })).status).toBe(409);
  });
});
