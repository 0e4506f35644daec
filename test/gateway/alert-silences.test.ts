import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { ADMINISTRATION } from "../../shared/audit/record.ts";
import { listAlerts, noteAlerts, runAlerts } from "../../workers/gateway/alerts/run-alerts.ts";
import { allEventsOf } from "../audit/trail.ts";
import { ALL, DAY_MS, forgetAlerts, HOSTILE, HOUR_MS, keep, MINUTE_MS, SUBJECT } from "./alert-scene.ts";
import { openAs, textOf } from "./waiting-call.ts";

beforeEach(forgetAlerts);

describe("silences of alerts", { timeout: 30_000 }, () => {
  const begin = (
    browser: Awaited<ReturnType<typeof openAs>>["browser"],
    subject: string,
    alert: number,
    more = {},
  ) =>
    browser.post("/console/alerts/silence", {
      ...{ subject, alert: String(alert), hours: "1", reason: `Known ${HOSTILE}`, scope: "one" },
      ...more,
    });

  it("keep an alert from the targets until they end, and are recorded with who and why", async () => {
    const { browser, person } = await openAs("admin");
    const { sent, send } = keep();
    const now = Date.now();
    await noteAlerts(env.PLATFORM_DB, [SUBJECT, { ...SUBJECT, subject: "other" }], now);
    const alert = (await listAlerts(env.PLATFORM_DB)).find(({ subject }) => subject === "shop");
    expect((await begin(browser, person.id, alert?.id ?? 0)).headers.get("Location")).toBe(
      "/console/alerts?done=silenced",
    );
    const lasts = [SUBJECT, { ...SUBJECT, subject: "other" }];
    const run = (ms: number, found: typeof lasts) =>
      runAlerts(ALL, now + ms, send, async () => ({
        facts: { parts: { failing: [], broken: found.map(({ subject }) => subject), sinks: [] } },
        unread: [],
      }));
    const told = () =>
      sent
        .filter(({ host }) => host.startsWith("hooks"))
        .map(({ body }) => {
          const { type, data } = JSON.parse(body);
          return `${type.split(".").at(-1)} ${data.subject}`;
        });
    await run(MINUTE_MS, lasts);
    expect(told()).toEqual(["begun other"]);
    const html = await textOf(browser.get("/console/alerts"));
    expect(html).toContain("Known &lt;script&gt;");
    expect(html).not.toContain("<script");
    expect(html).toContain(">Silenced<");
    // It goes on after the hour: now it is told.
    await run(2 * HOUR_MS, lasts);
    expect(told()).toEqual(["begun other", "begun shop"]);
    await run(3 * HOUR_MS, []);
    expect(told().toSorted()).toEqual(["begun other", "begun shop", "resolved other", "resolved shop"]);
    expect((await allEventsOf(ADMINISTRATION)).at(-1)).toMatchObject({
      ...{ type: "alert_silence", change: "begun", alert: "connection", subject: "shop" },
      ...{ reason: `Known ${HOSTILE}`, by: `/console/alerts (${person.id})` },
    });
  });

  it("say nothing of an alert that begins and ends within them, and end when a person ends them", async () => {
    const { browser, person } = await openAs("admin");
    const { sent, send } = keep();
    const now = Date.now();
    await noteAlerts(env.PLATFORM_DB, [SUBJECT], now);
    const [alert] = await listAlerts(env.PLATFORM_DB);
    await begin(browser, person.id, alert?.id ?? 0, { scope: "kind", hours: "4" });
    // As if a day ago, so that what happens within it is before its end.
    await env.PLATFORM_DB.prepare("UPDATE alert_silence SET at = at - ?").bind(DAY_MS).run();
    const run = (ms: number, broken: string[]) =>
      runAlerts(ALL, now + ms, send, async () => ({
        facts: { parts: { failing: [], broken, sinks: [] } },
        unread: [],
      }));
    await run(-9 * MINUTE_MS, ["shop", "second"]);
    await run(-5 * MINUTE_MS, []);
    await run(-MINUTE_MS, []);
    expect(sent).toEqual([]);
    await noteAlerts(env.PLATFORM_DB, [SUBJECT], Date.now());
    const id = /name="silence" value="(\d+)"/.exec(await textOf(browser.get("/console/alerts")))?.[1] ?? "";
    const end = (subject: string) => browser.post("/console/alerts/silence/end", { subject, silence: id });
    expect((await end("another")).status).toBe(409);
    expect((await end(person.id)).status).toBe(303);
    expect((await end(person.id)).status).toBe(422);
    await run(5 * HOUR_MS, ["shop"]);
    expect(sent.map(({ host }) => host)).toHaveLength(5);
    expect((await allEventsOf(ADMINISTRATION)).at(-1)).toMatchObject({
      type: "alert_silence",
      change: "ended",
    });
  });

  it("keep no end from a target that was told of the beginning, however long they last", async () => {
    const { browser, person } = await openAs("admin");
    const { sent, send } = keep();
    const run = (ms: number, broken: string[]) =>
      runAlerts(ALL, Date.now() + ms, send, async () => ({
        facts: { parts: { failing: [], broken, sinks: [] } },
        unread: [],
      }));
    await run(0, ["shop"]);
    const [alert] = await listAlerts(env.PLATFORM_DB);
    await begin(browser, person.id, alert?.id ?? 0, { scope: "kind", hours: "168" });
    await run(HOUR_MS, ["shop", "second"]);
    await run(2 * HOUR_MS, []);
    await run(3 * HOUR_MS, []);
    const own = sent.filter(({ host }) => host.startsWith("events")).map(({ body }) => JSON.parse(body));
    expect(own.map(({ event_action }) => event_action)).toEqual(["trigger", "resolve"]);
    expect(own[1]?.dedup_key).toBe(own[0]?.dedup_key);
    expect(sent.some(({ body }) => body.includes("second"))).toBe(false);
  });

  it("ask for a reason, an end, an alert that is here, and the person who saw the form", async () => {
    const { browser, person } = await openAs("admin");
    await noteAlerts(env.PLATFORM_DB, [SUBJECT], Date.now());
    const id = (await listAlerts(env.PLATFORM_DB))[0]?.id ?? 0;
    for (const [status, more] of [
      [422, { reason: " " }],
      [422, { reason: "x".repeat(301) }],
      [422, { hours: "9999" }],
      [422, { alert: "999" }],
      [409, { subject: "another" }],
    ] as const) {
      expect((await begin(browser, person.id, id, more)).status).toBe(status);
    }
    expect(await env.PLATFORM_DB.prepare("SELECT count(*) AS n FROM alert_silence").first("n")).toBe(0);
  });
});
