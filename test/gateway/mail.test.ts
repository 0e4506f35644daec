import { createExecutionContext, env } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import { overConnection } from "../../shared/encoding/platform-database.ts";
import { askForLinks, withdrawLinks } from "../../shared/people/password-links.ts";
import { LINK_RUN, runAdminJobs, runLinks } from "../../workers/gateway/admin-jobs/run-admin-jobs.ts";
import { listTargets } from "../../workers/gateway/alerts/list-targets.ts";
import { app } from "../../workers/gateway/app.ts";
import { giveLink, MOST_MAILS } from "../../workers/gateway/mail/give-link.ts";
import { MailError, type Post, postMail } from "../../workers/gateway/mail/mailer.ts";
import { createPerson, TestBrowser } from "../support/oauth.ts";

type Built = Parameters<SendEmail["send"]>[0] & Record<string, unknown>;

/** Cloudflare Email Service as documented: takes a message, or rejects with a code. */
function bindingThat(fails?: object) {
  const sent: Built[] = [];
  const send = async (message: Built) => {
    if (fails !== undefined) throw fails;
    sent.push(message);
    return { messageId: "<1@example.com>" };
  };
  return {
    sent,
    with: { ...env, EMAIL_FROM: "Gatehouse <gate@example.com>", EMAIL: { send } } as unknown as Env,
  };
}

const withProvider = (more: Record<string, string> = {}) =>
  ({
    ...env,
    ...{ EMAIL_FROM: "gate@example.com", EMAIL_URL: "https://mail.example.com/emails", EMAIL_KEY: "m41l" },
    ...more,
  }) as unknown as Env;

/** A provider that keeps what it gets. */
function provider() {
  const got: { headers: Headers; body: Record<string, string> }[] = [];
  const post: Post = async (request) => {
    got.push({ headers: request.headers, body: await request.json() });
  };
  return { got, post };
}

const linksOf = (id: string) =>
  env.PLATFORM_DB.prepare("SELECT digest, kind FROM password_link WHERE user_id = ?").bind(id).all();

const invitation = { kind: "invitation", by: "test" } as const;

describe("a message with a link", () => {
  it("is taken by the runtime's own binding, and by a double of it says the same as text and as a page", async () => {
    const person = await createPerson("viewer", `Ada <img src=x> "Lovelace"`);
    // The binding that miniflare simulates: it checks the message and sends nothing.
    const simulated = { ...env, EMAIL_FROM: "Gatehouse <gate@example.com>" } as Env;
    expect(await giveLink(simulated, person, invitation)).toMatchObject({ sent: true });

    const { sent, with: there } = bindingThat();
    const given = await giveLink(there, person, invitation);
    expect(given).toMatchObject({ sent: true });
    const [message] = sent;
    expect(message).toMatchObject({
      from: { name: "Gatehouse", email: "gate@example.com" },
      to: [person.email],
      subject: "Your invitation to Gatehouse",
    });
    const [text, page] = [String(message?.text), String(message?.html)];
    for (const one of [text, page]) {
      expect(one).toContain(given?.url ?? "nothing");
      expect(one).toMatch(/works once, until \d{4}-\d\d-\d\d \d\d:\d\d UTC/);
      expect(one).toContain("ask an administrator");
    }
    expect(text).toContain(`Hello Ada <img src=x> "Lovelace",`);
    expect(page).not.toContain("<img");
    expect(page).toContain("Ada &lt;img src=x&gt;");
    // Of the link, what was sent counts, and no earlier one.
    expect((await linksOf(person.id)).results).toHaveLength(1);
    const opened = await new TestBrowser().get(given?.url.replace(env.PUBLIC_URL, "") ?? "");
    expect(opened.status).toBe(200);
  });

  it("goes to a provider as Resend or Postmark reads it, with the key in a header", async () => {
    const person = await createPerson("viewer");
    const { got, post } = provider();
    await giveLink(withProvider(), person, { ...invitation, post });
    await giveLink(withProvider({ EMAIL_FORMAT: "postmark" }), person, { kind: "reset", by: "test", post });
    const [resend, postmark] = got;
    expect(resend?.headers.get("Authorization")).toBe("Bearer m41l");
    expect(resend?.body).toMatchObject({ from: "gate@example.com", to: [person.email] });
    expect(Object.keys(resend?.body ?? {}).sort()).toEqual(["from", "html", "subject", "text", "to"]);
    expect(postmark?.headers.get("X-Postmark-Server-Token")).toBe("m41l");
    expect(postmark?.body).toMatchObject({
      ...{ From: "gate@example.com", To: person.email },
      Subject: "Choose another password for Gatehouse",
    });
    expect(postmark?.body.HtmlBody).toContain("your password stays as it is");
  });

  it.each([
    [
      "a binding that refuses",
      bindingThat({ code: "E_RECIPIENT_SUPPRESSED", message: "ada@x" }).with,
      "Cloudflare Email Service did not take the message (E_RECIPIENT_SUPPRESSED).",
    ],
    [
      "a binding that fails in words of its own",
      bindingThat(new Error("SECRET link=abc")).with,
      "Cloudflare Email Service did not take the message.",
    ],
    [
      "a provider that cannot be reached",
      withProvider({ EMAIL_URL: "http://127.0.0.1:1/" }),
      "The provider of e-mail did not answer.",
    ],
    ["no sender", env, "This Gatehouse sends no e-mail."],
    [
      "a sender without a way to send",
      { ...env, EMAIL: undefined, EMAIL_FROM: "a@example.com" } as unknown as Env,
      "This Gatehouse sends no e-mail.",
    ],
  ])("that %s does not take is said in a sentence, and its link works", async (_what, there, why) => {
    const person = await createPerson("viewer");
    const lines = vi.spyOn(console, "log");
    const errors = vi.spyOn(console, "error");
    const given = await giveLink(there as Env, person, invitation);
    expect(given).toMatchObject({ sent: false, why });
    const opened = await new TestBrowser().get(given?.url.replace(env.PUBLIC_URL, "") ?? "");
    expect(opened.status).toBe(200);
    const logged = JSON.stringify([...lines.mock.calls, ...errors.mock.calls]);
    vi.restoreAllMocks();
    for (const secret of [given?.url.split("link=")[1], person.email, "SECRET", "m41l"]) {
      expect(logged).not.toContain(secret);
    }
  });

  it("says the status of a provider that refuses, and nothing of its answer", async () => {
    const answer = async () => new Response("ada@example.com link=abc", { status: 422 });
    const refused = postMail(new Request("https://mail.example.com/emails", { method: "POST" }), answer);
    await expect(refused).rejects.toThrow(new MailError("The provider of e-mail answered 422"));
    const faultOf = async (status: number, headers: Record<string, string> = {}) => {
      const ask = async () => new Response(null, { status, headers });
      const request = new Request("https://mail.example.com/emails", { method: "POST" });
      return await postMail(request, ask).catch((failure: MailError) => failure.fault);
    };
    expect(await faultOf(422)).toEqual({ of: "message", waitMs: null, certain: true });
    expect(await faultOf(429, { "Retry-After": "7" })).toMatchObject({ of: "provider", waitMs: 7_000 });
    expect(await faultOf(503, { "Retry-After": new Date(0).toUTCString() })).toMatchObject({
      ...{ of: "provider", waitMs: 1_000 },
    });
    expect(await faultOf(429, { "Retry-After": "0" })).toMatchObject({ of: "provider", waitMs: 1_000 });
    expect(await faultOf(429)).toMatchObject({ of: "provider", waitMs: 1_500 });
    expect(await faultOf(503)).toMatchObject({ of: "provider", waitMs: null });
    expect(await faultOf(401)).toMatchObject({ of: "settings" });
  });

  it(`goes to one address ${MOST_MAILS} times a day at most, for all who ask together`, async () => {
    const [one, two] = [await createPerson("viewer"), await createPerson("viewer")];
    const { sent, with: there } = bindingThat();
    const tries = [];
    for (let time = 0; time < MOST_MAILS + 3; time++) tries.push(await giveLink(there, one, invitation));
    expect(tries.filter((given) => given?.sent)).toHaveLength(MOST_MAILS);
    expect(tries.find((given) => given?.sent === false)).toMatchObject({
      why: `This address got ${MOST_MAILS} messages within a day, and gets no more.`,
    });
    expect(sent).toHaveLength(MOST_MAILS);
    expect(await giveLink(there, two, invitation)).toMatchObject({ sent: true });
    // A link that no one sees keeps no place of one that is seen.
    expect(await giveLink(there, one, { ...invitation, byMailAlone: true })).toMatchObject({ sent: false });
    expect((await linksOf(one.id)).results).toEqual([]);
  });
});

describe("a request of the command", () => {
  const tell = (mark: string, there: Env) =>
    app.fetch(
      new Request(`${env.PUBLIC_URL}/people/changes`, {
        ...{ method: "POST", body: JSON.stringify({ mark }) },
        headers: { "Content-Type": "application/json", "Content-Length": "50" },
      }),
      there,
      createExecutionContext(),
    );
  const outcomeOf = async (mark: string) => {
    const row = await env.PLATFORM_DB.prepare("SELECT detail, outcome FROM admin_request WHERE mark = ?")
      .bind(mark)
      .first<{ detail: string; outcome: string }>();
    return { ...row, outcome: JSON.parse(row?.outcome ?? "null") };
  };
  const ask = async (user: string) => {
    const mark = crypto.randomUUID();
    const sql = askForLinks([{ user, kind: "reset", mark }], "npm run people (tester)", Date.now());
    await overConnection(env.PLATFORM_DB).change(sql);
    return mark;
  };

  it("has the Worker make the link and send it; the request and its outcome hold no token and no address", async () => {
    const person = await createPerson("viewer");
    const { sent, with: there } = bindingThat();
    const mark = await ask(person.email);
    expect((await tell(mark, there)).status).toBe(200);
    const { outcome, detail } = await outcomeOf(mark);
    expect([outcome, JSON.parse(String(detail))]).toEqual([{ sent: true }, { kind: "reset" }]);
    const [, token = ""] = /link=([0-9a-f]{64})/.exec(String(sent[0]?.text)) ?? [];
    const { results } = await linksOf(person.id);
    expect(results).toEqual([{ digest: expect.stringMatching(/^[0-9a-f]{64}$/), kind: "reset" }]);
    expect(JSON.stringify(results)).not.toContain(token);
    // A mark counts once.
    expect((await tell(mark, there)).status).toBe(404);
    expect(sent).toHaveLength(1);
  });

  it("that the command has withdrawn makes no link, and one about a failing provider says so once", async () => {
    const person = await createPerson("viewer");
    const { sent, with: there } = bindingThat();
    const withdrawn = await ask(person.id);
    await overConnection(env.PLATFORM_DB).change(withdrawLinks([{ user: person.id, mark: withdrawn }]));
    expect((await tell(withdrawn, there)).status).toBe(404);
    expect([sent, (await linksOf(person.id)).results]).toEqual([[], []]);
    const failing = await ask(person.id);
    expect((await tell(failing, bindingThat({ code: "E_RECIPIENT_SUPPRESSED" }).with)).status).toBe(200);
    expect((await outcomeOf(failing)).outcome).toEqual({
      ...{ sent: false },
      why: "Cloudflare Email Service did not take the message (E_RECIPIENT_SUPPRESSED).",
    });
    // Of a message that was refused no one has the link.
    expect((await linksOf(person.id)).results).toEqual([]);
  });

  it.each([
    ["a limit of the binding", bindingThat({ code: "E_RATE_LIMIT_EXCEEDED" }).with],
    ["a failure without a code", bindingThat(new Error("internal")).with],
    ["a provider that does not answer", withProvider({ EMAIL_URL: "http://127.0.0.1:1/" })],
  ])("stays open after %s, and the next run sends the message", async (_what, failing) => {
    const person = await createPerson("viewer");
    const mark = await ask(person.id);
    expect((await tell(mark, failing as Env)).status).toBe(503);
    const row = () =>
      env.PLATFORM_DB.prepare("SELECT tries, done_at FROM admin_request WHERE mark = ?").bind(mark).first();
    expect(await row()).toEqual({ tries: 1, done_at: null });
    expect((await outcomeOf(mark)).outcome).toMatchObject({ sent: false, why: expect.any(String) });
    const { sent, with: there } = bindingThat();
    // A limit is waited for.
    vi.useFakeTimers({ now: Date.now() + 2_000, toFake: ["Date"] });
    await runLinks(there);
    vi.useRealTimers();
    expect([sent.map(({ to }) => to), await outcomeOf(mark)]).toEqual([
      [[person.email]],
      expect.objectContaining({ outcome: { sent: true } }),
    ]);
  });

  it("waits as long as the provider asks, and a failure ends the links of a run; none of it keeps other requests", async () => {
    const people = [await createPerson("viewer"), await createPerson("viewer"), await createPerson("viewer")];
    const marks = [];
    for (const { id } of people) marks.push(await ask(id));
    let tries = 0;
    const { with: limited } = bindingThat();
    const send = async () => {
      tries += 1;
      throw Object.assign(new Error("x"), { code: "E_INTERNAL_SERVER_ERROR" });
    };
    await runLinks({ ...limited, EMAIL: { send } } as unknown as Env);
    const open = () =>
      env.PLATFORM_DB.prepare(
        "SELECT count(*) AS n FROM admin_request WHERE done_at IS NULL AND kind = 'link_mail'",
      ).first("n");
    expect([tries, await open()]).toEqual([1, 3]);
    const { sent, with: there } = bindingThat();
    const later = "UPDATE admin_request SET outcome = json_object('until', ?) WHERE mark = ?";
    await env.PLATFORM_DB.prepare(later)
      .bind(Date.now() + 60_000, marks[0])
      .run();
    await runLinks(there);
    expect(sent).toEqual([]);
    await env.PLATFORM_DB.prepare(later)
      .bind(Date.now() - 1, marks[0])
      .run();
    await runLinks(there);
    expect([sent.length, await open()]).toEqual([3, 0]);
    // The one that failed goes last.
    expect(sent.at(-1)?.to).toEqual([people[0]?.email]);
  });

  it("sends no invitation to a person who has a password meanwhile", async () => {
    const person = await createPerson("viewer");
    const mark = crypto.randomUUID();
    const sql = askForLinks([{ user: person.id, kind: "invitation", mark }], "test", Date.now());
    await overConnection(env.PLATFORM_DB).change(sql);
    const { sent, with: there } = bindingThat();
    await runLinks(there);
    expect([sent, (await outcomeOf(mark)).outcome]).toEqual([
      [],
      { sent: false, why: "The person has a password already." },
    ]);
  });

  it("of which there are many is taken up within a budget", async () => {
    const person = await createPerson("viewer");
    await runAdminJobs(env);
    const add = (kind: string, detail: object) =>
      env.PLATFORM_DB.prepare(
        `WITH RECURSIVE many(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM many WHERE n < 300)
         INSERT INTO admin_request (kind, user_id, detail, by, at) SELECT ?1, ?2, ?3, 'test', 1 FROM many`,
      )
        .bind(kind, person.id, JSON.stringify(detail))
        .run();
    await add("link_mail", { kind: "invitation" });
    await add("person_change", { change: "added", oldRole: null, newRole: "viewer" });
    const counted = () =>
      env.PLATFORM_DB.prepare(
        `SELECT kind, count(*) AS n FROM admin_request WHERE done_at IS NULL GROUP BY kind ORDER BY kind`,
      ).all();
    await runAdminJobs(env);
    await runLinks(bindingThat().with);
    expect((await counted()).results).toEqual([
      { kind: "link_mail", n: 300 - LINK_RUN.links },
      { kind: "person_change", n: 100 },
    ]);
    await env.PLATFORM_DB.prepare("DELETE FROM admin_request").run();
  });
});

describe("alerts", () => {
  it("go by the same sender as other e-mail, unless they have one of their own", async () => {
    const message = {
      id: "a",
      key: "a",
      change: "begun",
      kind: "part",
      subject: "",
      text: "t",
      at: 0,
      url: "https://g.example/console/alerts",
    } as const;
    const { sent, with: there } = bindingThat();
    const letterOf = async (more: Record<string, string>) =>
      await listTargets({ ...there, ALERT_EMAIL_TO: "ops@example.com", ...more } as Env)
        .find(({ name }) => name === "email")
        ?.write([message], 0);
    const letter = await letterOf({});
    if (typeof letter === "function") await letter();
    expect(sent[0]).toMatchObject({ to: ["ops@example.com"], subject: "[Gatehouse] Alert: part" });
    const own = await letterOf({
      ALERT_EMAIL_URL: "https://own.example.com/emails",
      ALERT_EMAIL_FROM: "b@example.com",
    });
    expect((own as Request).url).toBe("https://own.example.com/emails");
    expect(listTargets({ ...env, ALERT_EMAIL_TO: "ops@example.com" } as Env)).toEqual([]);
  });
});
