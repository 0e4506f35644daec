import { env } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { runAdminJobs, runLinks } from "../../workers/gateway/admin-jobs/run-admin-jobs.ts";
import { createPerson } from "../support/oauth.ts";
import { changesOf, file, findPerson, form, fresh, IMPORT, linkIn, mailing, pathOf } from "./people-forms.ts";
import { openAs, textOf } from "./waiting-call.ts";

describe("an import in the console", { timeout: 30_000 }, () => {
  it("says first what it would do, and adds everyone when that is confirmed", async () => {
    const { person: admin, browser } = await openAs("admin");
    const known = await createPerson("viewer");
    const [one, two] = [fresh(), fresh()];
    const text = `email;name;role\n${one};"Ada <b>";sales\n${two};Bob;\n${known.email};Known;viewer\n`;
    const checked = await browser.upload(IMPORT, file(admin, text));
    const html = await checked.text();
    expect(html).toContain("2 people would be added");
    expect(html).toContain("One is there already, and stays as before.");
    expect(html).not.toContain("Ada <b>");
    expect(await findPerson(one)).toBeNull();
    const done = await textOf(browser.post(`${IMPORT}/confirm`, form(admin, { text })));
    expect(done).toContain("2 people are added");
    expect(done.match(/link=[0-9a-f]{64}/g)).toHaveLength(2);
    expect([(await findPerson(one))?.role, (await findPerson(two))?.role]).toEqual(["sales", "viewer"]);
    await runAdminJobs(env);
    const id = (await findPerson(one))?.id ?? "";
    expect(await changesOf(id)).toEqual([{ change: "added", by: `/console/people (${admin.id})` }]);
  });

  it("offers links for known people who have neither password nor link, and none to oneself", async () => {
    const { person: admin, browser } = await openAs("admin");
    const [one, two, withPassword] = [fresh(), fresh(), await createPerson("viewer")];
    const rows = [`${one},Ada,viewer`, `${two},Bob,viewer`, `${withPassword.email},C,viewer`];
    const text = `email,name,role\n${[...rows, `${admin.email},Me,admin`].join("\n")}\n`;
    const confirm = () => browser.post(`${IMPORT}/confirm`, form(admin, { text }));
    expect((await textOf(confirm())).match(/link=/g)).toHaveLength(2);
    // Links that are open are left alone.
    expect(await textOf(browser.upload(IMPORT, file(admin, text)))).not.toContain("would get a link");
    await runAdminJobs(env);
    const id = (await findPerson(one))?.id ?? "";
    await env.PLATFORM_DB.batch([
      env.PLATFORM_DB.prepare("DELETE FROM password_link WHERE user_id = ?").bind(id),
      env.PLATFORM_DB.prepare(`UPDATE "account" SET "password" = NULL WHERE "userId" = ?`).bind(admin.id),
    ]);
    expect(await textOf(browser.upload(IMPORT, file(admin, text)))).toContain("One of them has no password");
    const again = await textOf(confirm());
    expect([again.match(/link=/g)?.length, again]).toEqual([1, expect.stringContaining(one)]);
    await runAdminJobs(env);
    expect((await changesOf(id)).map(({ change }) => change)).toEqual(["added", "password_link"]);
  });

  it("writes people and their links together, or nothing", async () => {
    const { person: admin, browser } = await openAs("admin");
    const [first, last] = [fresh(), fresh()];
    const fails = `CREATE TRIGGER no_links BEFORE INSERT ON password_link BEGIN SELECT RAISE(ABORT, 'full'); END`;
    await env.PLATFORM_DB.prepare(fails).run();
    const text = `email,name\n${first},A\n${last},B\n`;
    const answer = await browser.post(`${IMPORT}/confirm`, form(admin, { text }));
    await env.PLATFORM_DB.prepare("DROP TRIGGER no_links").run();
    expect([answer.status >= 500, await findPerson(first), await findPerson(last)]).toEqual([
      ...[true, null, null],
    ]);
  });

  it("names each line that cannot be taken, and then adds no one", async () => {
    const { person: admin, browser } = await openAs("admin");
    const known = await createPerson("viewer");
    const good = fresh();
    const text = `email,name,role\n${good},Ada,viewer\nnone,Bob,viewer\n${fresh()},Cy,king\n${known.email},Known,admin\n`;
    const html = await textOf(browser.upload(IMPORT, file(admin, text)));
    expect(html).toContain("2 lines cannot be taken");
    expect(html).toContain("Line 3: &quot;none&quot; is no e-mail address.");
    expect(html).toContain("Line 4: there is no role &quot;king&quot;.");
    const confirmed = await browser.post(`${IMPORT}/confirm`, form(admin, { text }));
    expect([confirmed.status, await findPerson(good)]).toEqual([422, null]);
    const other = await browser.upload(IMPORT, file(admin, `email,name,role\n${known.email},Known,admin\n`));
    expect(await other.text()).toContain(`Line 2: ${known.email} is there as viewer.`);
  });

  it("takes no more than 1,000 people and 256 KiB, and no other form", async () => {
    const { person: admin, browser } = await openAs("admin");
    const rows = Array.from({ length: 1_001 }, (_, index) => `p${index}@many.example,P`);
    const many = await browser.upload(IMPORT, file(admin, `email,name\n${rows.join("\n")}\n`));
    expect(await many.text()).toContain("more than 1,000 people");
    const large = await browser.upload(IMPORT, file(admin, "x".repeat(300 * 1024)));
    expect(large.status).toBe(413);
    expect((await browser.upload(IMPORT, file(admin, new Uint8Array([0xff, 0xfe])))).status).toBe(422);
    expect((await browser.post(IMPORT, form(admin, {}))).status).toBe(415);
  });

  it("sends the first messages at once and the others with the next run; only a link that is refused is shown", async () => {
    const { person: admin, browser } = await openAs("admin");
    const { sent, there } = mailing(browser, (to) => !to.startsWith("refused"));
    const rows = (name: string) => Array.from({ length: 13 }, (_, index) => `${name}${index}.${fresh()},P`);
    const confirm = (lines: readonly string[]) =>
      textOf(browser.post(`${IMPORT}/confirm`, form(admin, { text: `email,name\n${lines.join("\n")}` })));
    const html = await confirm(rows("a"));
    expect(html).toContain("10 messages were sent.");
    expect(html).toContain("3 more messages follow");
    expect(html).not.toContain("link=");
    expect(sent).toHaveLength(10);
    await runLinks(there);
    expect(sent).toHaveLength(13);
    const failing = await confirm(
      ["x", ...rows("b").slice(0, 11)].map((row, index) => (index === 0 ? `refused.${fresh()},P` : row)),
    );
    expect(failing).toContain("E_RECIPIENT_NOT_ALLOWED");
    expect([failing.match(/link=/g)?.length, sent.length]).toEqual([1, 22]);
    await runLinks(there);
    expect(sent).toHaveLength(24);
  });

  it("behind a provider that takes none for now withdraws no message, and the jobs send all", async () => {
    const { person: admin, browser } = await openAs("admin");
    let left = 2;
    const { sent, there } = mailing(browser, () => left-- > 0, "E_INTERNAL_SERVER_ERROR");
    const lines = Array.from({ length: 5 }, () => `${fresh()},P`);
    const fields = form(admin, { text: `email,name\n${lines.join("\n")}` });
    const html = await textOf(browser.post(`${IMPORT}/confirm`, fields));
    expect(html).toContain("2 messages were sent.");
    expect(html).toContain("3 more messages follow");
    expect(html).toContain("E_INTERNAL_SERVER_ERROR");
    expect(html).not.toContain("link=");
    left = 3;
    await runLinks(there);
    expect(sent).toHaveLength(5);
  });

  it("shows all links where the provider refuses the sender", async () => {
    const { person: admin, browser } = await openAs("admin");
    const { sent, there } = mailing(browser, () => false, "E_SENDER_NOT_VERIFIED");
    const lines = Array.from({ length: 3 }, () => `${fresh()},P`);
    const fields = form(admin, { text: `email,name\n${lines.join("\n")}` });
    const html = await textOf(browser.post(`${IMPORT}/confirm`, fields));
    expect([html.match(/link=/g)?.length, html]).toEqual([3, expect.stringContaining("SENDER_NOT_VERIFIED")]);
    await runLinks(there);
    expect(sent).toEqual([]);
  });

  it("marks who got no message in the end, until they get another link", async () => {
    const { person: admin, browser } = await openAs("admin");
    const { there } = mailing(browser, (to) => !to.startsWith("refused"));
    const email = `refused.${fresh()}`;
    const lines = [...Array.from({ length: 10 }, () => `${fresh()},P`), `${email},R`];
    const fields = form(admin, { text: `email,name\n${lines.join("\n")}` });
    expect(await textOf(browser.post(`${IMPORT}/confirm`, fields))).toContain("One more message follows");
    const list = () => textOf(browser.get(`/console/people?search=${email}`));
    expect(await list()).not.toContain("Link not sent");
    await runLinks(there);
    expect(await list()).toContain("Link not sent");
    const person = (await findPerson(email)) ?? { id: "" };
    expect(await textOf(browser.get(pathOf(person)))).toContain("E_RECIPIENT_NOT_ALLOWED");
    const given = await textOf(browser.post(pathOf(person), form(admin, { change: "link", show: "yes" })));
    expect(linkIn(given)).not.toBe("");
    expect(await list()).not.toContain("Link not sent");
  });
});
