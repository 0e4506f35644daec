import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { allEventsOf } from "../audit/trail.ts";
import { createPerson, signIn } from "../support/oauth.ts";
import { setApprovals, setApproves, setConsole } from "../support/policy.ts";
import { openAs, RULE, textOf } from "./waiting-call.ts";
import { askForChanges, HOSTILE, letChangesWait, post, stateOf, TOOL } from "./waiting-changes.ts";

letChangesWait();

describe("the inbox of approvals", { timeout: 40_000 }, () => {
  it("shows what each request would change for whom, alike ones together, and marks those that differ", async () => {
    const { ids } = await askForChanges([
      { title: "Buyer" },
      { title: "Buyer" },
      { title: `Chief ${HOSTILE}` },
      { title: "Buyer" },
    ]);
    const { browser } = await openAs("admin");
    const html = await textOf(browser.get("/console/approvals"));
    for (const id of ids) expect(html).toContain(`value="${id}"`);
    expect(html.match(/<fieldset/g)).toHaveLength(1);
    expect(html.match(/Differs: title/g)).toHaveLength(1);
    expect(html).toContain("<strong>Chief &lt;script");
    expect(html).toContain("Sam &lt;script");
    expect(html).not.toContain("<script");
    const key = /tick=([0-9a-f]{16})/.exec(html)?.[1];
    const ticked = await textOf(browser.get(`/console/approvals?tick=${key}`));
    expect(ticked.match(/checked=""/g)).toHaveLength(3);
  });

  it("decides each after a look: approved ones run, refused ones do not, and others go on waiting", async () => {
    const { ids, calls, requester } = await askForChanges([
      { title: "Buyer" },
      { title: "Thief" },
      { title: "Buyer" },
    ]);
    const { browser, person } = await openAs("admin");
    const look = await post(browser, "/console/approvals/look", person, [
      ["choice", "approve"],
      ...ids.map((id) => ["request", id] as const),
    ]);
    const html = await look.text();
    expect(look.status).toBe(200);
    for (const id of ids) expect(html).toContain(`answer:${id}`);
    expect(await stateOf(ids)).toEqual(["pending", "pending", "pending"]);
    const [first = "", second = "", third = ""] = ids;
    const decided = await post(browser, "/console/approvals/decide", person, [
      [`answer:${first}`, "approve"],
      [`answer:${second}`, "refuse"],
      [`answer:${third}`, "leave"],
      ["reason", "Not him"],
    ]);
    expect(await decided.text()).toContain("1 approved, 1 refused");
    expect(await stateOf(ids)).toEqual(["approved", "refused", "pending"]);
    const answers = [];
    for (const { run } of calls) answers.push(await run());
    expect(answers.map(({ error }) => error?.code)).toEqual([undefined, "forbidden", "approval_required"]);
    expect(answers[1]?.error?.message).toContain("Not him");
    const recorded = (await allEventsOf(person.id)).filter(({ type }) => type === "approval_decision");
    expect(recorded).toEqual([
      expect.objectContaining({ approvalId: first, granted: true, requester: requester.id }),
      expect.objectContaining({ approvalId: second, granted: false, requester: requester.id }),
    ]);
  });

  it("keeps filter, page and group, from the look over the decision to the next ones", async () => {
    const titles = Array.from({ length: 12 }, (_, index) => ({
      title: index % 2 === 0 ? "Buyer" : "Seller",
    }));
    const { ids, requester } = await askForChanges(titles);
    await askForChanges(titles.map(() => ({ title: "Of another person" })));
    const { browser, person } = await openAs("admin");
    const links = (html: string) =>
      [...html.matchAll(/(?:href|action)="(\/console\/approvals[^"]*\?[^"]+)"/g)].map(([, one = ""]) =>
        one.replaceAll("&amp;", "&"),
      );
    const first = links(await textOf(browser.get(`/console/approvals?tool=${TOOL}`)));
    const [, cursor = ""] = /&(after=[\w.-]+)/.exec(first.join(" ")) ?? [];
    expect(first).toContain(`/console/approvals?tool=${TOOL}&${cursor}`);
    const query = `?tool=${TOOL}&requester=${requester.id}&${cursor}`;
    const older = `/console/approvals${query}`;
    const second = await textOf(browser.get(older));
    const onPage = ids.slice(0, 4);
    for (const id of onPage) expect(second).toContain(`value="${id}"`);
    expect(links(second)).toContain(`/console/approvals/look${query}`);
    // Ticking alike ones stays on the page, another filter begins at the newest.
    const [tick = ""] = links(second).filter((link) => link.includes("tick="));
    expect(tick.replace(/[0-9a-f]{16}/g, "KEY")).toBe(`${older}&tick=KEY#group-KEY`);
    expect(await textOf(browser.get(tick.replace(/#.*/, "")))).toContain('checked=""');
    expect(links(second)).toContain(`/console/approvals?tool=${TOOL}&requester=${requester.id}`);
    const look = await post(browser, `/console/approvals/look${query}`, person, [
      ["request", onPage[0] ?? ""],
    ]);
    const looked = links(await look.text());
    expect(looked).toContain(`/console/approvals/decide${query}`);
    expect(looked).toContain(older);
    const nothing = await post(browser, `/console/approvals/look${query}`, person, []);
    expect(await nothing.text()).toContain(`value="${onPage[0]}"`);
    const decided = await post(browser, `/console/approvals/decide${query}`, person, [
      [`answer:${onPage[0]}`, "refuse"],
    ]);
    const [next = ""] = links(await decided.text());
    expect(next.replace(/[0-9a-f]{16}$/, "KEY")).toBe(`${older}#group-KEY`);
    const rest = await textOf(browser.get(next.replace(/#.*/, "")));
    expect(rest).toContain(`id="${next.slice(next.indexOf("#") + 1)}"`);
    expect(rest).toContain(`value="${onPage[1]}"`);
    expect(rest).not.toContain("Of another person");
    await post(
      browser,
      `/console/approvals/decide${query}`,
      person,
      onPage.map((id) => [`answer:${id}`, "refuse"] as const),
    );
    const empty = await textOf(browser.get(older));
    expect(empty).toContain("Nothing waits for your decision here");
    expect(empty).toContain('href="/console/approvals">All');
  });

  it("returns from a standing approval to where the request was chosen", async () => {
    setApprovals("sales", [{ ...RULE, tools: [TOOL], standing: { calls: 3, days: 2 } }]);
    const { ids } = await askForChanges([{ title: "Buyer" }]);
    const { browser, person } = await openAs("admin");
    const query = `?tool=${TOOL}`;
    const look = await post(browser, `/console/approvals/look${query}`, person, [["request", ids[0] ?? ""]]);
    expect(await look.text()).toContain(`action="/console/approvals/standing${query}"`);
    const fields = { request: ids[0] ?? "", calls: "2", days: "1", "bound:contact_id": "any" };
    const path = `/console/approvals/standing${query}`;
    const wrong = await post(browser, path, person, Object.entries({ ...fields, calls: "0" }));
    expect(await wrong.text()).toContain(`action="/console/approvals/look${query}"`);
    const made = await post(browser, path, person, Object.entries(fields));
    const list = await textOf(browser.get(made.headers.get("Location") ?? ""));
    expect(list).toContain(`href="/console/approvals${query}">Requests that wait`);
  });

  it("says of each answer that comes too late that it changed nothing", async () => {
    const { ids } = await askForChanges([{ title: "Buyer" }]);
    const [one, two] = [await openAs("admin"), await openAs("admin")];
    const fields = [[`answer:${ids[0]}`, "refuse"]] as const;
    await post(one.browser, "/console/approvals/decide", one.person, fields);
    const late = await post(two.browser, "/console/approvals/decide", two.person, fields);
    const html = await late.text();
    expect(html).toContain("0 approved, 0 refused, 1 without effect");
    expect(html).toContain("decided already");
  });

  it("lets a person decide only what their role approves, and never their own", async () => {
    const { ids } = await askForChanges([{ title: "Buyer" }]);
    setConsole("editor", ["approvals"]);
    const editor = await openAs("editor");
    expect(await textOf(editor.browser.get("/console/approvals"))).toContain("Your role approves no tool");
    const fields = [[`answer:${ids[0]}`, "approve"]] as const;
    expect((await post(editor.browser, "/console/approvals/decide", editor.person, fields)).status).toBe(422);
    setApproves("editor", ["knowledge_*"]);
    expect((await post(editor.browser, "/console/approvals/decide", editor.person, fields)).status).toBe(422);
    setApproves("sales", [TOOL]);
    setConsole("sales", ["approvals"]);
    const { requester } = await askForChanges([{ title: "Own" }]);
    const own = await signIn(requester);
    const ownIds = await env.PLATFORM_DB.prepare("SELECT id FROM approval WHERE requester = ?")
      .bind(requester.id)
      .first<string>("id");
    expect(await textOf(own.get("/console/approvals"))).not.toContain(`value="${ownIds}"`);
    const tried = await post(own, "/console/approvals/decide", requester, [[`answer:${ownIds}`, "approve"]]);
    expect(await tried.text()).toContain("cannot approve calls of your own apps");
    setApproves("sales", []);
    setConsole("sales", []);
    setConsole("editor", []);
    expect(await stateOf(ids)).toEqual(["pending"]);
  });

  it("takes no form of another site, of another person, or without a choice", async () => {
    const { ids } = await askForChanges([{ title: "Buyer" }]);
    const { browser, person } = await openAs("admin");
    const other = await createPerson("admin");
    const fields = [
      [`answer:${ids[0]}`, "approve"],
      ["request", ids[0] ?? ""],
    ] as const;
    for (const path of ["/console/approvals/look", "/console/approvals/decide"]) {
      expect((await post(browser, path, other, fields)).status).toBe(409);
      expect((await post(browser, path, person, [])).status).toBe(422);
      expect(
        (
          await post(browser, path, person, [
            ["request", "none"],
            ["answer:none", "approve"],
          ])
        ).status,
      ).toBe(422);
    }
    browser.headers = { Origin: "https://evil.example", "Sec-Fetch-Site": "cross-site" };
    expect((await post(browser, "/console/approvals/decide", person, fields)).status).toBe(403);
    expect(await stateOf(ids)).toEqual(["pending"]);
  });
});
