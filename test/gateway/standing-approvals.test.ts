import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { allEventsOf } from "../audit/trail.ts";
import { addContact } from "../crm/rows.ts";
import { signIn } from "../support/oauth.ts";
import { setApprovals, setApproves, setConsole } from "../support/policy.ts";
import { openAs, RULE, textOf } from "./waiting-call.ts";
import { askForChanges, letChangesWait, post, stateOf, TOOL } from "./waiting-changes.ts";

letChangesWait();

describe("a standing approval", { timeout: 60_000 }, () => {
  const rule = { ...RULE, tools: [TOOL], standing: { calls: 3, days: 2 } };
  const fields = (id: string, more: Record<string, string> = {}) =>
    Object.entries({ request: id, calls: "2", days: "1", "bound:contact_id": "any", ...more });

  /** Rows of a tool that end later than all others. */
  const addRows = (tool: string, many: number) =>
    env.PLATFORM_DB.prepare(
      `INSERT INTO standing_approval (id, requester, tool, by, made_at, until)
       WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
       SELECT 'row-' || ?1 || i, 'gone', ?1, 'gone', 1, 9000000000000000 FROM n`,
    )
      .bind(tool, many)
      .run();

  it("lets exactly as many further calls run as it says, within its bounds, and a revoked one none", async () => {
    setApprovals("sales", [rule]);
    const change = { title: "Buyer" };
    const { ids, calls, requester } = await askForChanges([
      change,
      change,
      change,
      change,
      { title: "Thief" },
    ]);
    const { browser, person } = await openAs("admin");
    const look = await post(browser, "/console/approvals/look", person, [["request", ids[0] ?? ""]]);
    expect(await look.text()).toContain("at most 3 calls within 2 days");
    const made = await post(browser, "/console/approvals/standing", person, fields(ids[0] ?? ""));
    expect(made.headers.get("Location")).toMatch(/^\/console\/approvals\/standing\?done=made/);
    const codes = async (chosen: typeof calls) => {
      const answers = await Promise.all(chosen.map(({ run }) => run()));
      return answers.map(({ error }) => error?.code ?? "ran");
    };
    // The looked-at call, and two more of three at once; one with another title never.
    expect(await codes(calls.slice(4))).toEqual(["approval_required"]);
    expect(await codes(calls.slice(0, 1))).toEqual(["ran"]);
    expect((await codes(calls.slice(1, 4))).toSorted()).toEqual(["approval_required", "ran", "ran"]);
    const page = await textOf(browser.get("/console/approvals/standing"));
    expect(page).toContain("2 of 2 calls");
    expect(page).toContain("Used up");
    expect(page).not.toContain("<script");
    const events = await allEventsOf(requester.id);
    const [standing] = events.flatMap((event) => (event.type === "standing_approval" ? [event] : []));
    expect(standing).toMatchObject({
      change: "made",
      by: person.id,
      calls: 2,
      bounds: { contact_id: "any", title: "same" },
    });
    const granted = events.filter(
      (event) => event.type === "approval_granted" && event.standing === standing?.standingId,
    );
    expect(granted).toHaveLength(2);
    expect(JSON.stringify(standing)).not.toContain("Buyer");

    const again = await post(browser, "/console/approvals/standing", person, fields(ids[4] ?? ""));
    expect(again.status).toBe(303);
    await addRows("knowledge_away", 60);
    setApproves("admin", ["crm_*"]);
    const list = await textOf(browser.get("/console/approvals/standing"));
    await addRows(TOOL, 60);
    const before = await textOf(browser.get("/console/approvals/standing"));
    expect(before).not.toContain(standing?.standingId);
    const [, more = ""] = /href="([^"]+)">More standing approvals/.exec(before) ?? [];
    expect(await textOf(browser.get(more))).toContain("2 of 2 calls");
    await env.PLATFORM_DB.prepare("DELETE FROM standing_approval WHERE id LIKE 'row-%'").run();
    const id = [...list.matchAll(/name="standing" value="([\w-]+)"/g)]
      .map(([, one]) => one)
      .find((one) => one !== standing?.standingId);
    const outsider = await openAs("editor");
    setConsole("editor", ["approvals"]);
    setApproves("editor", ["knowledge_*"]);
    expect(
      (
        await post(outsider.browser, "/console/approvals/standing/revoke", outsider.person, [
          ["standing", id ?? ""],
        ])
      ).status,
    ).toBe(422);
    setConsole("editor", []);
    expect(
      (await post(browser, "/console/approvals/standing/revoke", person, [["standing", id ?? ""]])).status,
    ).toBe(303);
    expect(
      (await post(browser, "/console/approvals/standing/revoke", person, [["standing", id ?? ""]])).status,
    ).toBe(422);
    await addContact("con_afterrevoke", "After Revoke", { company_id: "cmp_inbox" });
    expect(await codes(calls.slice(4))).toEqual(["ran"]);
    expect((await allEventsOf(person.id)).filter(({ type }) => type === "standing_decision")).toHaveLength(3);
  });

  it("is not made wider than the rule, for one's own call, twice, or by a form that is not understood", async () => {
    setApprovals("sales", [rule]);
    const { ids, requester } = await askForChanges([{ title: "Buyer" }]);
    const [id = ""] = ids;
    const { browser, person } = await openAs("admin");
    const attempt = async (more: Record<string, string>) =>
      (await post(browser, "/console/approvals/standing", person, fields(id, more))).status;
    expect(await attempt({ calls: "4" })).toBe(409);
    expect(await attempt({ days: "3" })).toBe(409);
    expect(await attempt({ "bound:phone": "any" })).toBe(409);
    expect(await attempt({ "bound:__proto__": "any" })).toBe(409);
    expect(await attempt({ calls: "0" })).toBe(422);
    expect(await attempt({ calls: "1.5" })).toBe(422);
    expect(await attempt({ "bound:version": "range" })).toBe(422);
    setApproves("sales", [TOOL]);
    setConsole("sales", ["approvals"]);
    const own = await signIn(requester);
    expect((await post(own, "/console/approvals/standing", requester, fields(id))).status).toBe(403);
    setApproves("sales", []);
    setConsole("sales", []);
    expect(await stateOf(ids)).toEqual(["pending"]);
    expect(
      await env.PLATFORM_DB.prepare("SELECT count(*) AS n FROM standing_approval WHERE requester = ?")
        .bind(requester.id)
        .first("n"),
    ).toBe(0);
    expect(await attempt({})).toBe(303);
    expect(await attempt({})).toBe(409);
    setApprovals("sales", [{ ...RULE, tools: [TOOL] }]);
    const plain = await askForChanges([{ title: "Buyer" }]);
    const refused = await post(browser, "/console/approvals/standing", person, fields(plain.ids[0] ?? ""));
    expect(refused.status).toBe(409);
  });
});
