import { env } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { ADMINISTRATION } from "../../shared/audit/record.ts";
import { bundledPolicy } from "../../shared/policy/bundled.ts";
import { runAdminJobs } from "../../workers/gateway/admin-jobs/run-admin-jobs.ts";
import { allEventsOf } from "../audit/trail.ts";
import { createPerson, PASSWORD, signIn, TestBrowser } from "../support/oauth.ts";
import {
  changesOf,
  file,
  findPerson,
  form,
  fresh,
  IMPORT,
  INVITE,
  linkIn,
  mailing,
  pathOf,
} from "./people-forms.ts";
import { openAs, textOf } from "./waiting-call.ts";

const rules = bundledPolicy().signIn;
const { passwordAllowed } = rules;

describe("an invitation in the console", { timeout: 20_000 }, () => {
  it("shows its link once, with which the person signs in; the trail names who invited", async () => {
    const { person: admin, browser } = await openAs("admin");
    const email = fresh();
    expect(await textOf(browser.get(INVITE))).not.toContain("send no e-mail");
    const answer = await browser.post(
      INVITE,
      form(admin, { email: email.toUpperCase(), name: "Ida", role: "sales" }),
    );
    const html = await answer.text();
    expect([answer.status, answer.headers.get("Cache-Control")]).toEqual([200, "no-store"]);
    expect(html).toContain("This Gatehouse sends no e-mail.");
    const visitor = new TestBrowser();
    const link = linkIn(html);
    const token = link.split("link=")[1] ?? "";
    expect((await visitor.post("/password", { link: token, new: PASSWORD })).status).toBe(200);
    await signIn({ email });
    const made = await findPerson(email);
    expect(made).toMatchObject({ role: "sales", name: "Ida" });
    expect(await changesOf(made?.id ?? "")).toEqual([
      { change: "added", by: `/console/people (${admin.id})` },
    ]);
    const page = await textOf(browser.get(pathOf(made ?? { id: "" })));
    expect(page).not.toContain(token);
    expect(JSON.stringify(await allEventsOf(ADMINISTRATION))).not.toContain(token);
  });

  it("is sent where e-mail is configured, and its link is on no page; one that is not taken is shown with the reason", async () => {
    const { person: admin, browser } = await openAs("admin");
    const { sent } = mailing(browser, (to) => !to.startsWith("refused"));
    const email = fresh();
    const fields = form(admin, { email, name: "Ida", role: "viewer" });
    const html = await textOf(browser.post(INVITE, fields));
    expect([linkIn(html), sent.map(({ to }) => to)]).toEqual(["", [[email]]]);
    expect(linkIn(sent[0]?.text ?? "")).not.toBe("");
    const refused = await textOf(browser.post(INVITE, { ...fields, email: `refused.${fresh()}` }));
    expect(refused).toContain("Cloudflare Email Service did not take the message (E_RECIPIENT_NOT_ALLOWED).");
    expect(linkIn(refused)).not.toBe("");
    const asked = await textOf(browser.post(INVITE, { ...fields, email: fresh(), show: "yes" }));
    expect([linkIn(asked) === "", sent.length]).toEqual([false, 1]);
    expect(asked).not.toContain("notice danger");
  });

  it.each([
    ["an address that is none", { email: "ada" }, 422],
    ["a role that is not in the policy", { role: "root" }, 422],
    ["no name", { name: "  " }, 422],
    ["a name with control characters", { name: "a\u0007b" }, 422],
    ["a team's address", { email: "night@team.invalid" }, 422],
    ["a wrong password", { password: "wrong" }, 422],
    ["the form of another person", { subject: "someone" }, 409],
  ])("with %s adds no one", async (_what, fields, status) => {
    const { person: admin, browser } = await openAs("admin");
    const email = fresh();
    const answer = await browser.post(INVITE, form(admin, { email, name: "Ida", role: "viewer", ...fields }));
    expect([answer.status, await findPerson(email), linkIn(await answer.text())]).toEqual([status, null, ""]);
  });

  it.each([
    ["is kept out", "disabled", 1, 404],
    ["gets a role without the right", "role", "viewer", 404],
    ["is erased", "id", "gone", 404],
    ["changes their name", "name", "Other", 200],
  ])("that a page showed ends or stays when its reader %s", async (_what, column, value, status) => {
    const { person: admin, browser } = await openAs("admin");
    const fields = form(admin, { email: fresh(), name: "Ida", role: "admin" });
    const link = linkIn(await textOf(browser.post(INVITE, fields)));
    expect((await new TestBrowser().get(link)).status).toBe(200);
    await env.PLATFORM_DB.batch([
      env.PLATFORM_DB.prepare(`DELETE FROM "session" WHERE "userId" = ?`).bind(admin.id),
      env.PLATFORM_DB.prepare(`DELETE FROM "account" WHERE "userId" = ?`).bind(admin.id),
      env.PLATFORM_DB.prepare(`UPDATE "user" SET "${column}" = ? WHERE "id" = ?`).bind(value, admin.id),
    ]);
    const visitor = new TestBrowser();
    expect((await visitor.get(link)).status).toBe(status);
    const chosen = { link: link.split("link=")[1] ?? "", new: PASSWORD };
    expect((await visitor.post("/password", chosen)).status).toBe(status);
  });

  it("that was sent counts when its sender is kept out", async () => {
    const { person: admin, browser } = await openAs("admin");
    const { sent } = mailing(browser);
    await browser.post(INVITE, form(admin, { email: fresh(), name: "Ida", role: "viewer" }));
    await env.PLATFORM_DB.prepare(`UPDATE "user" SET "disabled" = 1 WHERE "id" = ?`).bind(admin.id).run();
    expect((await new TestBrowser().get(linkIn(sent[0]?.text ?? ""))).status).toBe(200);
  });

  it("of a person who has a password is refused, and is asked of no role without the right", async () => {
    const { person: admin, browser } = await openAs("admin");
    const known = await createPerson("viewer");
    const again = await browser.post(INVITE, form(admin, { email: known.email, name: "X", role: "viewer" }));
    expect([again.status, await again.text()]).toEqual([422, expect.stringContaining("is already there")]);
    const viewer = await openAs("viewer");
    for (const path of [INVITE, IMPORT]) {
      expect((await viewer.browser.get(path)).status).toBe(403);
      expect((await viewer.browser.post(path, form(viewer.person, {}))).status).toBe(403);
    }
    expect((await viewer.browser.post(`${IMPORT}/confirm`, form(viewer.person, {}))).status).toBe(403);
  });

  it("changes nothing of oneself: one's own address gets no link", async () => {
    const { person: admin, browser } = await openAs("admin");
    // As a person has it who signs in with a passkey alone.
    const forget = env.PLATFORM_DB.prepare(`UPDATE "account" SET "password" = NULL WHERE "userId" = ?`);
    await browser.get(INVITE);
    const fields = form(admin, { email: admin.email, name: "Me", role: "admin" });
    const typed = await browser.post(INVITE, fields);
    expect([typed.status, linkIn(await typed.text())]).toEqual([403, ""]);
    await forget.bind(admin.id).run();
    const answer = await browser.post(INVITE, fields);
    expect([answer.status, linkIn(await answer.text())]).toEqual([403, ""]);
  });

  it("does nothing for a person who is there and signs in elsewhere, and records nothing", async () => {
    const { person: admin, browser } = await openAs("admin");
    const person = await createPerson("viewer");
    await env.PLATFORM_DB.prepare(`UPDATE "account" SET "password" = NULL WHERE "userId" = ?`)
      .bind(person.id)
      .run();
    await runAdminJobs(env);
    const before = await changesOf(person.id);
    Object.assign(rules, { passwordAllowed: false });
    const fields = form(admin, { email: person.email, name: "X", role: "viewer" });
    const html = await textOf(browser.post(INVITE, fields)).finally(() =>
      Object.assign(rules, { passwordAllowed }),
    );
    await runAdminJobs(env);
    expect([html, linkIn(html)]).toEqual([expect.stringContaining("needs no link"), ""]);
    expect(await changesOf(person.id)).toEqual(before);
  });

  it("is refused from another site", async () => {
    const { person: admin, browser } = await openAs("admin");
    browser.headers = { Origin: "https://evil.example", "Sec-Fetch-Site": "cross-site" };
    const email = fresh();
    const answers = [
      await browser.post(INVITE, form(admin, { email, name: "Ida", role: "admin" })),
      await browser.upload(IMPORT, file(admin, "email,name\n")),
      await browser.post(`${IMPORT}/confirm`, form(admin, { text: `email,name\n${email},Ida` })),
    ];
    expect(answers.map(({ status }) => status)).toEqual([403, 403, 403]);
    expect(await findPerson(email)).toBeNull();
  });
});

describe("a person's page in the console", { timeout: 20_000 }, () => {
  it("makes a link for another password; the old one works until then, and the trail has who made it", async () => {
    const { person: admin, browser } = await openAs("admin");
    const person = await createPerson("viewer");
    await runAdminJobs(env);
    const html = await textOf(browser.post(pathOf(person), form(admin, { change: "link" })));
    await signIn(person);
    expect(await textOf(browser.get(pathOf(person)))).toContain("A link is open until");
    const chosen = await new TestBrowser().post("/password", {
      ...{ link: linkIn(html).split("link=")[1] ?? "", new: "another long password" },
    });
    expect(chosen.status).toBe(200);
    await expect(signIn(person)).rejects.toThrow();
    expect((await changesOf(person.id)).at(-1)).toEqual({
      ...{ change: "password_link", by: `/console/people (${admin.id})` },
    });
  });

  it("shows no link of a person who has a password where e-mail is configured, sent or not", async () => {
    const { person: admin, browser } = await openAs("admin");
    const person = await createPerson("viewer");
    let takes = true;
    const { sent } = mailing(browser, () => takes);
    expect(await textOf(browser.get(pathOf(person)))).not.toContain("send no e-mail");
    const ask = () => textOf(browser.post(pathOf(person), form(admin, { change: "link", show: "yes" })));
    const html = await ask();
    expect([linkIn(html), html]).toEqual(["", expect.stringContaining(`was sent to ${person.email}`)]);
    expect(sent).toHaveLength(1);
    takes = false;
    const failed = await ask();
    expect([linkIn(failed), failed]).toEqual(["", expect.stringContaining("E_RECIPIENT_NOT_ALLOWED")]);
    expect(failed).toContain("goes by e-mail alone");
  });

  it("tells a person by e-mail that their second factor was removed, and removes it without that too", async () => {
    const { person: admin, browser } = await openAs("admin");
    const { sent } = mailing(browser, (to) => !to.startsWith("refused"));
    const insert = "INSERT INTO passkey VALUES (?1, ?1, 'p', 'x', 0, '[]', 1, NULL)";
    for (const time of [1, 2]) {
      const person = await createPerson("viewer");
      const move = `UPDATE "user" SET "email" = 'refused.' || "email" WHERE "id" = ?`;
      if (time === 2) await env.PLATFORM_DB.prepare(move).bind(person.id).run();
      await env.PLATFORM_DB.prepare(insert).bind(person.id).run();
      const done = await browser.post(pathOf(person), form(admin, { change: "factors" }));
      expect(done.headers.get("Location")).toBe(`${pathOf(person)}?done=factors`);
      if (time === 1) expect(sent[0]?.to).toEqual([person.email]);
    }
    expect(sent).toHaveLength(1);
    expect(sent[0]?.text).toContain("An administrator removed the second factor and all passkeys");
    expect(sent[0]?.text).toContain("tell an administrator at once");
  });

  it("removes second factor and passkeys, and signs the person out, once who asks has confirmed who they are", async () => {
    const { person: admin, browser } = await openAs("admin");
    const { person, browser: theirs } = await openAs("viewer");
    const insert = "INSERT INTO passkey VALUES (?1, ?1, 'p', 'x', 0, '[]', 1, NULL)";
    await env.PLATFORM_DB.prepare(insert).bind(person.id).run();
    await runAdminJobs(env);
    expect(await textOf(browser.get(pathOf(person)))).toContain("Remove second factor and passkeys");
    const wrong = await browser.post(pathOf(person), form(admin, { change: "factors", password: "wrong" }));
    expect(wrong.status).toBe(422);
    const count = () =>
      env.PLATFORM_DB.prepare("SELECT count(*) AS n FROM passkey WHERE user_id = ?")
        .bind(person.id)
        .first("n");
    expect(await count()).toBe(1);
    const done = await browser.post(pathOf(person), form(admin, { change: "factors" }));
    expect(done.headers.get("Location")).toBe(`${pathOf(person)}?done=factors`);
    expect([await count(), (await theirs.get("/account")).status]).toEqual([0, 303]);
    expect((await changesOf(person.id)).at(-1)).toMatchObject({ change: "second_factor_reset" });
  });

  it("gives no link to a team or to a person who is kept out, and changes nothing of oneself", async () => {
    const { person: admin, browser } = await openAs("admin");
    const own = await browser.post(pathOf(admin), form(admin, { change: "factors" }));
    expect(own.status).toBe(403);
    await env.PLATFORM_DB.batch([
      env.PLATFORM_DB.prepare(
        `INSERT INTO "user" ("id", "name", "email", "createdAt", "updatedAt", "role") VALUES ('t1', 'T', 't1@team.invalid', '', '', 'viewer')`,
      ),
      env.PLATFORM_DB.prepare("INSERT INTO team (id, created_at) VALUES ('t1', 1)"),
    ]);
    const team = await browser.post(pathOf({ id: "t1" }), form(admin, { change: "link" }));
    expect([team.status, linkIn(await team.text())]).toEqual([422, ""]);
    const kept = await createPerson("viewer");
    await env.PLATFORM_DB.prepare(`UPDATE "user" SET "disabled" = 1 WHERE "id" = ?`).bind(kept.id).run();
    const out = await browser.post(pathOf(kept), form(admin, { change: "link" }));
    expect([out.status, linkIn(await out.text())]).toEqual([422, ""]);
  });
});
