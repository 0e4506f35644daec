import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it } from "vitest";
import { ADMINISTRATION } from "../../shared/audit/record.ts";
import { bundledPolicy } from "../../shared/policy/bundled.ts";
import { listRoles } from "../../shared/policy/current.ts";
import { callsOf, type FixtureCall } from "../audit/calls.ts";
import { allEventsOf, deliver, storedOf } from "../audit/trail.ts";
import { createPerson, TestBrowser, type TestPerson } from "../support/oauth.ts";
import { setConsole, setSecondFactor } from "../support/policy.ts";
import { openAs, textOf } from "./waiting-call.ts";

const given = new Map(
  listRoles(bundledPolicy()).map((role) => [role, [...(bundledPolicy().roles.get(role)?.console ?? [])]]),
);

afterEach(() => {
  for (const [role, rights] of given) setConsole(role, rights);
});

/** The form with which one person changes another. */
const form = (by: TestPerson, fields: Record<string, string>) => ({ subject: by.id, ...fields });

describe("the console", { timeout: 20_000 }, () => {
  it.each([
    "/console",
    "/console/overview",
    "/console/people",
    "/console/trail?before=9",
    "/console/people/x",
  ])("asks for a sign-in at %s and then goes on there", async (path) => {
    const answer = await new TestBrowser().get(path);
    expect(answer.status).toBe(303);
    expect(answer.headers.get("Location")).toBe(`/sign-in?next=${encodeURIComponent(path)}`);
  });

  it("shows each role the pages that the policy gives it, and the account page leads there", async () => {
    const admin = await openAs("admin");
    const auditor = await openAs("auditor");
    const viewer = await openAs("viewer");
    const homes = await Promise.all(
      [admin, auditor, viewer].map(({ browser }) => textOf(browser.get("/console"))),
    );
    expect(
      homes.map((html) => [...html.matchAll(/href="\/console\/([\w-]+)"/g)].map(([, name]) => name)),
    ).toEqual([
      [
        "overview",
        "approvals",
        "people",
        "policy",
        "trail",
        "connections",
        "sessions",
        "dead-letters",
        "alerts",
        "settings",
      ],
      ["overview", "trail"],
      [],
    ]);
    const accounts = [admin, auditor, viewer].map(({ browser }) => textOf(browser.get("/account")));
    expect((await Promise.all(accounts)).map((html) => html.includes('href="/console"'))).toEqual([
      true,
      true,
      false,
    ]);
  });

  it("names the missing right and whom to ask", async () => {
    const { browser } = await openAs("auditor");
    const answer = await browser.get("/console/people");
    expect(answer.status).toBe(403);
    const html = await answer.text();
    expect(html).toContain("&quot;people&quot;");
    expect(html).toContain("Ask a person with the role admin.");
    setConsole("admin", []);
    expect(await textOf(browser.get("/console/people"))).toContain("No role has it.");
  });

  it("asks a role that needs a second factor for it", async () => {
    const { browser } = await openAs("admin");
    setSecondFactor("admin", { required: true });
    const answer = await browser.get("/console/people?search=a");
    setSecondFactor("admin", {});
    expect(answer.headers.get("Location")).toBe(
      `/account/second-factor?next=${encodeURIComponent("/console/people?search=a")}`,
    );
  });
});

describe("the overview", { timeout: 20_000 }, () => {
  it("shows calls, how they end and how long they take, today and a week ago, why they were denied, and by whom", async () => {
    const { person, browser } = await openAs("auditor");
    const caller = await createPerson("sales", "Carla <b>Caller</b>");
    const links = callsOf(caller.id, [
      { ms: 40, status: "ok" },
      { ms: 45, status: "ok" },
      { ms: 900, status: "failed", error: "not_found" },
      { ms: 1, status: "failed", error: "rate_limited" },
      { ms: 0, status: "denied" },
    ]);
    await deliver(links);
    await deliver(links);
    const at = Date.now() - 7 * 24 * 3_600_000 - 3_600_000;
    await deliver(
      callsOf(
        "user_of_last_week",
        [
          { ms: 30, status: "ok", at },
          { ms: 30, status: "failed", error: "not_found", at: at + 1 },
          { ms: 0, status: "denied", at: at + 2 },
          { ms: 30, status: "ok", at: at - 48 * 3_600_000 + 3 },
        ].sort((one, other) => one.at - other.at) as FixtureCall[],
      ),
    );
    const html = await textOf(browser.get("/console/overview"));
    const tile = (title: string) =>
      new RegExp(`>${title}</span><strong class="figure">([^<]*)<`).exec(html)?.[1];
    expect(["Calls", "Failed", "Denied", "Over a limit", "Median time"].map(tile)).toEqual([
      "5",
      "20 %",
      "1",
      "1",
      "43 ms",
    ]);
    const earlier = [...html.matchAll(/>before: ([^<]*)</g)].slice(0, 4).map(([, figure]) => figure);
    expect(html).toContain("Before: a week ago, up to the same hour.");
    expect(earlier).toEqual(["3", "33 %", "1", "0"]);
    expect(html).toContain("Carla &lt;b&gt;Caller&lt;/b&gt;");
    expect(html).toContain("crm_<wbr/>find_<wbr/>contacts");
    expect(html).toContain("<code>not_found</code>");
    expect(html).toContain("Approvals that wait");
    expect(html).toContain("answer</span>");
    expect(html).not.toContain("<script");
    expect(html).not.toContain("style=");
    for (const span of ["week", "month", "';--"]) {
      expect((await browser.get(`/console/overview?span=${encodeURIComponent(span)}`)).status).toBe(200);
    }
    expect(person.id).not.toBe(caller.id);
  });
});

describe("what waits, on the overview", { timeout: 20_000 }, () => {
  it("counts definitions that are new or changed, and leads to them who may see the connections", async () => {
    const add = (name: string, state: string) =>
      env.PLATFORM_DB.prepare(
        `INSERT INTO connection_definition (connection, type, name, digest, document, state, found_at, seen_at)
         VALUES ('overlooked', 'tool', ?, ?, '{}', ?, 1, 1)`,
      )
        .bind(name, name.padEnd(64), state)
        .run();
    await Promise.all([add("one", "waiting"), add("two", "waiting"), add("three", "approved")]);
    const row = async (role: string) => {
      const html = await textOf((await openAs(role)).browser.get("/console/overview"));
      return (
        /<tr><th scope="row">(?:(?!<tr>).)*Definitions that wait for review.*?<\/tr>/.exec(html)?.[0] ?? ""
      );
    };
    expect(await row("admin")).toContain(
      '<a href="/console/connections">Definitions that wait for review</a>',
    );
    expect(await row("admin")).toContain('<span class="badge caution">2</span>');
    expect(await row("auditor")).toContain("2</span>");
    expect(await row("auditor")).not.toContain("href");
  });
});

describe("dead letters in the console", { timeout: 20_000 }, () => {
  const keep = (id: string, body: unknown, reason: string) =>
    env.PLATFORM_DB.prepare("INSERT INTO dead_letter (id, body, reason, at, tried_at) VALUES (?, ?, ?, 1, 1)")
      .bind(id, JSON.stringify(body), reason)
      .run();

  it("are shown with their reason, as text, and delivered again as the command delivers them", async () => {
    await keep(
      "letter-hostile",
      "<script>alert(1)</script> ghp_0123456789abcdefghijklmnopqrstuvwxyzAB",
      "<b>no</b>",
    );
    const links = callsOf("user_of_a_letter", [{ ms: 1, status: "ok" }]);
    await keep("letter-readable", links, "Read by the next release");
    const { person, browser } = await openAs("admin");
    const html = await textOf(browser.get("/console/dead-letters"));
    expect(html).toContain("&lt;b&gt;no&lt;/b&gt;");
    expect(html).toContain("2 messages could not be read");
    for (const text of ["<script", "<b>no", "ghp_0123456789"]) expect(html).not.toContain(text);
    const other = await createPerson("admin");
    expect((await browser.post("/console/dead-letters/redrive", form(other, {}))).status).toBe(409);
    const answer = await browser.post("/console/dead-letters/redrive", form(person, {}));
    expect(answer.headers.get("Location")).toBe("/console/dead-letters?done=now");
    expect(await textOf(browser.get("/console/dead-letters?done=now"))).toContain(
      "One message could not be read",
    );
    expect(await storedOf("user_of_a_letter")).toHaveLength(2);
    expect((await allEventsOf(ADMINISTRATION)).filter(({ type }) => type === "redrive")).toEqual([
      { type: "redrive", delivered: 1, unreadable: 1, by: `/console/dead-letters (${person.id})` },
    ]);
  });

  it("are also those that receivers of copies refuse: shown with their record, and due again at once", async () => {
    const chain = "user_of_a_copy";
    await deliver(callsOf(chain, [{ ms: 1, status: "ok", details: { name: "crm_<b>x</b>" } }]));
    const refuse = (sequence: number, reason: string) =>
      env.PLATFORM_DB.prepare("INSERT INTO audit_sink_letter VALUES ('splunk', ?, ?, ?, 1, 3, ?)")
        .bind(chain, sequence, reason, Date.now())
        .run();
    await refuse(1, "400 <script>no</script>");
    await refuse(99, "removed meanwhile");
    const { person, browser } = await openAs("admin");
    const html = await textOf(browser.get("/console/dead-letters"));
    expect(html).toContain("2 records are refused by the receiver");
    expect(html).toContain("<code>splunk</code>: 400 &lt;script&gt;");
    expect(html).toContain("crm_&lt;b&gt;x");
    expect(html).toContain("The trail has removed it");
    expect(html).not.toContain("<script");
    await browser.post("/console/dead-letters/redrive", form(person, {}));
    const due = await env.PLATFORM_DB.prepare(
      "SELECT count(*) AS n FROM audit_sink_letter WHERE tried_at = 0",
    ).first("n");
    expect(due).toBe(2);
    expect(await textOf(browser.get("/console/dead-letters"))).toContain("due now");
  });

  it("show what is in a record to people who may read the trail alone, masked before it is cut", async () => {
    const chain = "user_of_a_secret";
    // The page ends within the secret: what is left of one does not look like one.
    const secret = "ghp_0123456789abcdefghijklmnopqrstuvwxyzAB";
    await keep("letter-long", "w".repeat(1_980).concat(" ", secret), "too long");
    await deliver(callsOf(chain, [{ ms: 1, status: "ok", details: { name: "crm_of_a_secret" } }]));
    await env.PLATFORM_DB.prepare("INSERT INTO audit_sink_letter VALUES ('splunk', ?, 1, '400', 1, 3, 1)")
      .bind(chain)
      .run();
    const { browser } = await openAs("editor");
    setConsole("editor", ["dead_letters", "trail"]);
    const read = await textOf(browser.get("/console/dead-letters"));
    for (const text of ["wwwwwwww", "crm_of_a_secret"]) expect(read).toContain(text);
    expect(read).not.toContain("ghp_0123");
    setConsole("editor", ["dead_letters"]);
    const html = await textOf(browser.get("/console/dead-letters"));
    for (const text of ["letter-long", "<code>splunk</code>: 400", "right to read the trail"]) {
      expect(html).toContain(text);
    }
    for (const text of ["wwwwwwww", "crm_of_a_secret", "ghp_0123"]) expect(html).not.toContain(text);
  });
});

describe("settings and connections in the console", { timeout: 20_000 }, () => {
  it("say what is configured and no secret", async () => {
    const { browser } = await openAs("admin");
    const html = await textOf(browser.get("/console/settings"));
    for (const text of [
      "PUBLIC_URL",
      env.PUBLIC_URL,
      "AUDIT_SIGNING_KEY",
      "one key, the newest is version 1",
      "METRICS_TOKEN",
      "not set",
    ]) {
      expect(html, text).toContain(text);
    }
    const texts = Object.entries({ ...env } as Record<string, unknown>).filter(
      ([name, value]) => typeof value === "string" && /KEY|SECRET|TOKEN|PASSWORD/.test(name),
    );
    expect(texts.length).toBeGreaterThan(4);
    for (const [name, value] of texts) expect(html, name).not.toContain(String(value));
  });

  it("say where no connection is published how to add one", async () => {
    const { browser } = await openAs("admin");
    expect(await textOf(browser.get("/console/connections"))).toContain("No connection is published");
  });
});
