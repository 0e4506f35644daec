import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { alertsSection } from "../../shared/policy/alerts.ts";
import { takeOverCalls } from "../../workers/audit-log/figures/take-over-calls.ts";
import { writeSecret } from "../../workers/connections/vault.ts";
import { collectFacts } from "../../workers/gateway/alerts/collect-facts.ts";
import { findAlerts } from "../../workers/gateway/alerts/find-alerts.ts";
import type { AlertMessage } from "../../workers/gateway/alerts/list-targets.ts";
import { listTargets } from "../../workers/gateway/alerts/list-targets.ts";
import { forgetCountries } from "../../workers/gateway/alerts/read-behaviour.ts";
import { listAlerts, noteAlerts, runAlerts, sendTest } from "../../workers/gateway/alerts/run-alerts.ts";
import { callsOf, type FixtureCall } from "../audit/calls.ts";
import { deliver } from "../audit/trail.ts";
import { createPerson } from "../support/oauth.ts";
import { CORP, setSignIn } from "../support/single-sign-on.ts";
import { ALL, DAY_MS, forgetAlerts, HOSTILE, HOUR_MS, keep, MINUTE_MS, NOW, SUBJECT } from "./alert-scene.ts";
import { openAs, textOf } from "./waiting-call.ts";

const RULES = alertsSection.parse({});

beforeEach(forgetAlerts);

const many = (count: number, call: Partial<FixtureCall>): FixtureCall[] =>
  Array.from({ length: count }, (_, index) => ({
    ms: 1,
    status: "ok",
    ...call,
    at: (call.at ?? NOW) + index,
  }));

const kindsAt = async (now: number) => {
  const { facts, unread } = await collectFacts(env, now, RULES);
  expect(unread).toEqual([]);
  return findAlerts(facts, RULES).map(({ kind, subject }) => (subject === "" ? kind : `${kind} ${subject}`));
};

describe("what alerts are found from", { timeout: 30_000 }, () => {
  it("is how fast calls miss an objective, while it goes on", async () => {
    await deliver(
      callsOf("user_burn", [...many(30, { at: NOW - MINUTE_MS, status: "failed", error: "timeout" })]),
    );
    expect(await kindsAt(NOW)).toEqual(
      expect.arrayContaining(["burn availability_fast", "burn availability_slow"]),
    );
    // The last 5 minutes are quiet again: the fast one is over before the hour is.
    const later = await kindsAt(NOW + 10 * MINUTE_MS);
    expect(later).not.toContain("burn availability_fast");
    expect(later).toContain("burn availability_slow");
    expect(await kindsAt(NOW + 60 * MINUTE_MS)).not.toContain("burn availability_slow");
  });

  it("is that one person's calls are denied in a row, until one is not, and no other person's", async () => {
    await deliver(callsOf("user_denied", many(10, { at: NOW - MINUTE_MS, status: "denied" })));
    await deliver(
      callsOf("user_lucky", [
        ...many(6, { at: NOW - 2 * MINUTE_MS, status: "denied" }),
        ...many(1, { at: NOW - MINUTE_MS }),
        ...many(6, { at: NOW - MINUTE_MS + 10, status: "denied" }),
      ]),
    );
    expect(await kindsAt(NOW)).toEqual(["denials_in_row user_denied"]);
    expect(await kindsAt(NOW + 16 * MINUTE_MS)).toEqual([]);
  });

  it("is an hour with far more calls of a person or app than any before, and nothing in a first week", async () => {
    const figure = (member: string, at: number, calls: number) =>
      env.PLATFORM_DB.prepare(
        `INSERT INTO call_figure SELECT 3600, 'person', ?1, ?2, ?3, ${Array(22).fill("0").join(", ")}`,
      ).bind(at, member, calls);
    const hour = NOW - (NOW % HOUR_MS);
    await env.PLATFORM_DB.batch([
      figure("user_busy", hour, 900),
      figure("user_busy", hour - DAY_MS, 300),
      figure("user_usual", hour, 900),
      figure("user_usual", hour - DAY_MS, 301),
      figure("user_first", hour, 900),
    ]);
    expect(await kindsAt(NOW)).toEqual(["volume person user_busy"]);
    expect(await kindsAt(NOW + HOUR_MS)).toEqual([]);
  });

  it("is that a person with a history calls several tools for the first time", async () => {
    const named = (names: readonly string[], at: number) =>
      names.map((name): FixtureCall => ({ ms: 1, status: "ok", at, details: { name } }));
    await deliver(callsOf("user_old", named(["crm_get_deal"], NOW - 8 * DAY_MS)));
    await kindsAt(NOW - 8 * DAY_MS);
    await deliver(callsOf("user_old_2", named(["crm_get_deal"], NOW - 8 * DAY_MS)));
    await kindsAt(NOW - 8 * DAY_MS);
    const fresh = ["crm_list_deals", "crm_find_contacts", "crm_get_contact"];
    await env.PLATFORM_DB.batch(
      [
        ...fresh.map((name) => ["user_old", name]),
        ...fresh.slice(1).map((name) => ["user_old_2", name]),
        ...fresh.map((name) => ["user_new", name]),
      ].map(([chain, name], index) =>
        env.PLATFORM_DB.prepare(
          `INSERT INTO trail_call (at, id, call_id, chain, sequence, trace_id, client_id, kind, server, name, decision, rule)
             VALUES (?1, ?2, ?3, ?4, 1, '', 'app', 'tool', 'crm', ?5, 'allow', 'r')`,
        ).bind(NOW - MINUTE_MS, 1_000_000 + index, `call-${index}`, chain, name),
      ),
    );
    await takeOverCalls(env.PLATFORM_DB);
    expect(await kindsAt(NOW)).toEqual(["new_tools user_old"]);
    expect(await kindsAt(NOW + 2 * HOUR_MS)).toEqual([]);
  });

  it("is an API key whose last secret ends soon, until it is rotated", async () => {
    const owner = await createPerson("sales");
    const secret = (digest: string, endsAt: number) =>
      env.PLATFORM_DB.prepare(
        "INSERT INTO access_key_secret (digest, key_id, hint, created_at, ends_at) VALUES (?, 'key_soon', 'h', 1, ?)",
      ).bind(digest, endsAt);
    await env.PLATFORM_DB.batch([
      env.PLATFORM_DB.prepare(
        `INSERT INTO access_key (id, owner, name, scopes, resources, tools, networks, days, created_at, by)
         VALUES ('key_soon', ?, ?, '[]', '[]', '[]', '[]', 30, 1, 'test')`,
      ).bind(owner.id, `Nightly ${HOSTILE}`),
      secret("a", NOW + 3 * DAY_MS),
    ]);
    expect(await kindsAt(NOW)).toEqual(["expiring key_soon"]);
    await noteAlerts(env.PLATFORM_DB, findAlerts((await collectFacts(env, NOW, RULES)).facts, RULES), NOW);
    const { browser } = await openAs("admin");
    const html = await textOf(browser.get("/console/alerts"));
    expect(html).toContain("An API key ends within 3 days.");
    expect(html).toContain("Nightly &lt;script&gt;");
    expect(html).not.toContain("<script");
    await secret("b", NOW + 30 * DAY_MS).run();
    expect(await kindsAt(NOW)).toEqual([]);
  });

  it("is a country that a person or app calls from for the first time, for a day, and none of a first week", async () => {
    const from = (person: string, clientId: string, country: string | null, at: number, more = {}) =>
      deliver(callsOf(person, [{ ms: 1, status: "ok", at, details: { country, clientId }, ...more }]));
    const before = NOW - 8 * DAY_MS;
    await from("user_home", "app_home", "DE", before);
    await from("user_away", "app_away", "DE", before);
    await from("user_home", "app_home", "DE", NOW - MINUTE_MS);
    // What Cloudflare does not know, and Tor, are no countries.
    await from("user_home", "app_home", null, NOW - MINUTE_MS);
    await from("user_home", "app_home", "T1", NOW - MINUTE_MS);
    await from("user_first", "app_first", "FR", NOW - DAY_MS / 2);
    await from("user_first", "app_first", "KR", NOW - MINUTE_MS);
    expect(await kindsAt(NOW)).toEqual([]);
    // A denied call teaches nothing: a country that is refused is new on the day that a call from there is admitted.
    await from("user_away", "app_away", "BR", NOW - 2 * DAY_MS, { status: "denied" });
    expect(await kindsAt(NOW)).toEqual([]);
    await from("user_away", "app_away", "BR", NOW - MINUTE_MS);
    const found = await kindsAt(NOW);
    expect(found.toSorted()).toEqual(["new_country app app_away", "new_country person user_away"]);
    const { facts } = await collectFacts(env, NOW, RULES);
    expect(findAlerts(facts, RULES).map(({ text }) => text)).toContain(
      "One person called from a country for the first time.",
    );
    expect(await kindsAt(NOW + 25 * HOUR_MS)).toEqual([]);
    // Bounded: a country is kept for half a year after its last call.
    expect(await forgetCountries(env.PLATFORM_DB, NOW + 181 * DAY_MS, 100)).toBe(8);
    expect(await env.PLATFORM_DB.prepare("SELECT count(*) AS n FROM known_country").first("n")).toBe(0);
  });

  it("is a secret or a person's account at another system that ends soon, until it is renewed", async () => {
    const secret = (name: string, at: number, endsAt: number | null) =>
      writeSecret(env, name, "s3cret", at, endsAt);
    await secret("soon", NOW, NOW + 3 * DAY_MS);
    await secret("later", NOW, NOW + 15 * DAY_MS);
    await secret("never", NOW, null);
    await secret("removed", NOW, NOW + DAY_MS);
    await writeSecret(env, "removed", null, NOW + 1);
    const account = (state: string, changedAt: number, endsAt: number | null) =>
      env.PLATFORM_DB.prepare("INSERT OR REPLACE INTO person_account VALUES ('crm', 'user_1', ?, ?, ?)")
        .bind(state, changedAt, endsAt)
        .run();
    await account("connected", NOW - 20 * DAY_MS, NOW + 4 * DAY_MS);
    setSignIn({
      providers: {
        corp: { ...CORP, secret_expires: "2026-12-01" },
        late: { ...CORP, issuer: "https://late.example", domains: [], secret_expires: "2027-12-01" },
      },
    });
    try {
      expect((await kindsAt(NOW)).toSorted()).toEqual([
        "expiring_credential account crm user_1",
        "expiring_credential secret soon",
        "expiring_credential sign_in corp",
      ]);
      const { facts } = await collectFacts(env, NOW, RULES);
      expect(findAlerts(facts, RULES).map(({ text }) => text)).toEqual([
        "The secret soon of connections ends within 3 days.",
        "One person's account at the connection crm ends within 4 days.",
        "The client secret of the sign-in corp ends within 2 days.",
      ]);
      // Renewed, connected again, and published with a later day.
      await secret("soon", NOW + MINUTE_MS, NOW + 90 * DAY_MS);
      await account("connected", NOW, NOW + 10 * DAY_MS);
      setSignIn({ providers: { corp: { ...CORP, secret_expires: "2027-12-01" } } });
      expect(await kindsAt(NOW + MINUTE_MS)).toEqual([]);
      // An account that the other side has ended asks its person by itself.
      await account("reconnect", NOW - 20 * DAY_MS, NOW);
      expect(await kindsAt(NOW + MINUTE_MS)).toEqual([]);
    } finally {
      setSignIn({});
    }
  });

  it("is said of a part that cannot be read, and what is wrong there is not over", async () => {
    const broken = { ...ALL, PLATFORM_DB: failing("AS letters") } as Env;
    const { sent, send } = keep();
    const letter = { kind: "dead_letters" as const, subject: "", text: "1 message could not be stored." };
    await noteAlerts(env.PLATFORM_DB, [letter, SUBJECT], NOW);
    await runAlerts(broken, NOW + 5 * MINUTE_MS, send);
    const lasting = (await listAlerts(env.PLATFORM_DB)).filter(({ resolvedAt }) => resolvedAt === null);
    expect(lasting.map(({ kind, subject }) => [kind, subject]).toSorted()).toEqual([
      ["dead_letters", ""],
      ["look", "trail"],
    ]);
    expect(sent.some(({ body }) => body.includes("Alerts about trail could not be looked at."))).toBe(true);
    await runAlerts(ALL, NOW + 10 * MINUTE_MS, send);
    expect((await listAlerts(env.PLATFORM_DB)).filter(({ resolvedAt }) => resolvedAt === null)).toEqual([]);
  });

  it("is told without a database when there is none: once, and once that it is back", async () => {
    const { sent, send } = keep();
    const away = { ...ALL, PLATFORM_DB: failing("") } as Env;
    for (const minutes of [0, 5, 10]) {
      await expect(runAlerts(away, NOW + minutes * MINUTE_MS, send)).rejects.toThrow("away");
    }
    expect(sent.map(({ host }) => host).toSorted()).toEqual([
      "events.pagerduty.com",
      "hooks.example.com",
      "mail.example.com",
      "slack.example.com",
      "teams.example.com",
    ]);
    for (const minutes of [15, 20]) await runAlerts(ALL, NOW + minutes * MINUTE_MS, send);
    const back = sent.filter(({ body }) => body.includes("looked at and stored again"));
    expect(back).toHaveLength(4);
    const keys = sent
      .filter(({ host }) => host.startsWith("events"))
      .map(({ body }) => JSON.parse(body).dedup_key);
    expect(keys[1]).toBe(keys[0]);
  });
});

/** A platform database that answers, except to statements with this text. */
function failing(text: string): D1Database {
  return new Proxy(env.PLATFORM_DB, {
    get(database, name) {
      if (name === "prepare") {
        return (sql: string) => {
          if (sql.includes(text)) throw new Error("away");
          return database.prepare(sql);
        };
      }
      const member: unknown = Reflect.get(database, name);
      return typeof member === "function" ? member.bind(database) : member;
    },
  });
}

describe("targets of alerts", () => {
  const message = (change: AlertMessage["change"], id = 7): AlertMessage => ({
    ...{ id: `alert_${id}_${change}`, key: `alert_${id}`, change, kind: "connection", subject: "shop" },
    ...{
      text: "The connection [shop](x) fails.",
      at: NOW,
      url: "https://gatehouse.example.com/console/alerts",
    },
  });
  const write = async (name: string, messages: readonly AlertMessage[]) => {
    const target = listTargets(ALL).find((one) => one.name === name);
    const request = (await target?.write(messages, NOW)) as Request | undefined;
    return { request, body: JSON.parse((await request?.text()) ?? "null") };
  };

  it("open and resolve one incident of PagerDuty by the same key", async () => {
    const begun = await write("pagerduty", [message("begun")]);
    expect(begun.request?.url).toBe("https://events.pagerduty.com/v2/enqueue");
    expect(begun.body).toEqual({
      routing_key: "R0UT1NG",
      event_action: "trigger",
      dedup_key: "gatehouse gatehouse.example.com alert_7",
      payload: {
        ...{ summary: "The connection [shop](x) fails.", source: "gatehouse.example.com", severity: "error" },
        ...{ timestamp: new Date(NOW).toISOString(), component: "shop", class: "connection" },
      },
      links: [{ href: "https://gatehouse.example.com/console/alerts", text: "Console" }],
    });
    expect((await write("pagerduty", [message("resolved")])).body).toEqual({
      ...{ routing_key: "R0UT1NG", event_action: "resolve", dedup_key: begun.body.dedup_key },
    });
    const { sent, send } = keep();
    await sendTest(ALL, NOW, send);
    const own = sent.filter(({ host }) => host.startsWith("events")).map(({ body }) => JSON.parse(body));
    expect(own.map(({ event_action }) => event_action)).toEqual(["trigger", "resolve"]);
  });

  it("get one card in Teams with all changes, whose text is no Markdown", async () => {
    const { body } = await write("teams", [message("begun"), message("resolved", 8)]);
    const [{ contentType, content }] = body.attachments;
    expect([body.type, contentType, content.type, content.version]).toEqual([
      "message",
      "application/vnd.microsoft.card.adaptive",
      "AdaptiveCard",
      "1.4",
    ]);
    expect(content.body.map(({ text }: { text: string }) => text)).toEqual([
      "Alert: connection",
      "The connection \\[shop\\]\\(x\\) fails.",
      "Over: connection",
      "The connection \\[shop\\]\\(x\\) fails.",
    ]);
  });

  it("get one e-mail with all changes, under an id that stays", async () => {
    const { request, body } = await write("email", [message("begun"), message("begun", 8)]);
    expect(request?.headers.get("Authorization")).toBe("Bearer m41l");
    expect(request?.headers.get("Idempotency-Key")).toBe("alert_7_begun alert_8_begun");
    expect(body).toMatchObject({
      from: "gatehouse@example.com",
      to: ["ada@example.com", "bob@example.com"],
      subject: "[Gatehouse] Alert: connection and 1 more",
    });
    expect(body.text.split("\n")).toHaveLength(4);
  });
});
