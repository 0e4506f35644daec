import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { runMaintenance } from "../../workers/gateway/maintenance.ts";
import { findApproval } from "../support/approvals.ts";
import { TestBrowser } from "../support/oauth.ts";
import { askFor, letCallsWait, openAs, textOf } from "./waiting-call.ts";

beforeEach(letCallsWait);

describe("the list of approvals", { timeout: 20_000 }, () => {
  it("needs a sign-in", async () => {
    const answer = await new TestBrowser().get("/approvals");
    expect(answer.headers.get("Location")).toBe("/sign-in?next=%2Fapprovals");
  });

  it("shows each of two users their own requests and those they may decide, and no argument", async () => {
    const [one, two] = [await askFor({ first_name: "Uno", last_name: "Zebra" }), await askFor()];
    await findApproval(one.requester.id);
    await findApproval(two.requester.id);
    const { browser: admin } = await openAs("admin");
    const [ownOne, ownTwo, inbox] = await Promise.all(
      [one.browser, two.browser, admin].map((browser) => textOf(browser.get("/approvals"))),
    );
    expect(ownOne).toContain(one.path);
    expect(ownOne).not.toContain(two.path);
    expect(ownTwo).toContain(two.path);
    expect(ownTwo).not.toContain("Waiting for you");
    for (const { path } of [one, two]) expect(inbox).toContain(path);
    expect(inbox).not.toContain("Zebra");
    expect(await textOf(one.browser.get("/account"))).toContain('href="/approvals"');
  });

  it("has pages, newest first", async () => {
    const { person, browser } = await openAs("sales");
    const insert = env.PLATFORM_DB.prepare(
      `INSERT INTO approval VALUES (?1, ?2, 'client', 'crm', ?5, 'pending', 0, ?3, ?4, NULL, ?3, 1)`,
    );
    const rows = Array.from({ length: 45 }, (_, index) =>
      insert.bind(crypto.randomUUID(), person.id, 1_000 + index, Date.now() + 1e9, `tool_${1_000 + index}`),
    );
    await env.PLATFORM_DB.batch(rows);
    const seen: string[] = [];
    for (let path: string | undefined = "/approvals"; path !== undefined; ) {
      const html: string = await textOf(browser.get(path));
      seen.push(...[...html.matchAll(/<code>(tool_\d+)<\/code>/g)].map(([, tool = ""]) => tool));
      path = /href="(\/approvals\?own=[^"]+)"/.exec(html)?.[1];
    }
    expect(seen).toEqual(Array.from({ length: 45 }, (_, index) => `tool_${1_044 - index}`));
    expect((await browser.get("/approvals?own=nonsense&waiting=';--")).status).toBe(200);
  });

  it("drops requests that ended a month ago", async () => {
    const insert = env.PLATFORM_DB.prepare(
      `INSERT INTO approval VALUES (?1, 'x', 'c', 's', 't', ?2, 0, 1, 1, NULL, ?3, 1)`,
    );
    const now = Date.now();
    await env.PLATFORM_DB.batch([
      insert.bind("old", "returned", now - 31 * 86_400_000),
      insert.bind("new", "returned", now - 29 * 86_400_000),
      insert.bind("open", "pending", now - 31 * 86_400_000),
    ]);
    await runMaintenance(env);
    const { results } = await env.PLATFORM_DB.prepare(
      "SELECT id FROM approval WHERE requester = 'x' ORDER BY id",
    ).all();
    expect(results).toEqual([{ id: "new" }, { id: "open" }]);
  });
});
