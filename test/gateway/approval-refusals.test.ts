import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { openApprovalLink, signApprovalLink } from "../../shared/auth/approval-link.ts";
import { openKeyring } from "../../shared/auth/keyring.ts";
import { approvalGate } from "../../shared/objects/approval-gate.ts";
import { principalGate } from "../../shared/objects/principal-gate.ts";
import { findApproval } from "../support/approvals.ts";
import { createPerson } from "../support/oauth.ts";
import { changeVersion, setApproves } from "../support/policy.ts";
import { approve, askFor, letCallsWait, openAs, textOf } from "./waiting-call.ts";

beforeEach(letCallsWait);

describe("a request is not decided", { timeout: 20_000 }, () => {
  it("by a link that was changed, signed with another secret, or leads nowhere", async () => {
    const { path, requester } = await askFor();
    const { browser, person } = await openAs("admin");
    const link = path.slice("/approvals/".length);
    const named = await openApprovalLink(openKeyring(env, "APPROVAL_LINK_KEY"), link);
    expect(named?.requester).toBe(requester.id);
    const flipped = [0, 70, link.length - 1].map(
      (at) => `${link.slice(0, at)}${link[at] === "a" ? "b" : "a"}${link.slice(at + 1)}`,
    );
    const foreign = await signApprovalLink(
      [{ version: 1, secret: "another-secret-of-at-least-32-characters" }],
      named as never,
    );
    for (const bad of [...flipped, foreign, link.slice(2), `${link}aa`, "x", "%00"]) {
      expect((await browser.get(`/approvals/${bad}`)).status, bad).toBe(400);
      expect((await browser.post(`/approvals/${bad}`, approve(person))).status, bad).toBe(400);
    }
    const gone = { approvalId: crypto.randomUUID(), requester: requester.id };
    const nowhere = await signApprovalLink(openKeyring(env, "APPROVAL_LINK_KEY"), gone);
    expect((await browser.get(`/approvals/${nowhere}`)).status).toBe(404);
    expect((await findApproval(requester.id)).state).toBe("pending");
  });

  it("by a user whose role does not approve the tool, who sees nothing of it", async () => {
    const { path } = await askFor();
    const { browser, person } = await openAs("editor");
    const answer = await browser.get(path);
    expect(answer.status).toBe(403);
    expect(await answer.text()).not.toContain("Lovelace");
    expect((await browser.post(path, approve(person))).status).toBe(403);
  });

  it("by an approver who lost the role after opening the page", async () => {
    const { path, requester } = await askFor();
    const { browser, person } = await openAs("admin");
    expect((await browser.get(path)).status).toBe(200);
    await env.PLATFORM_DB.prepare(`UPDATE "user" SET "role" = 'editor' WHERE "id" = ?`).bind(person.id).run();
    expect((await browser.post(path, approve(person))).status).toBe(403);
    expect((await findApproval(requester.id)).state).toBe("pending");
  });

  it("by the requester, even with a role that approves; they may withdraw it", async () => {
    setApproves("sales", ["*"]);
    const { path, browser, requester, call } = await askFor();
    const html = await textOf(browser.get(path));
    expect(html).toContain("you cannot approve calls of your own apps");
    expect(html).not.toContain('value="approve"');
    expect((await browser.post(path, approve(requester))).status).toBe(403);
    expect((await browser.post(path, { subject: requester.id, decision: "refuse" })).status).toBe(303);
    expect((await call()).error?.code).toBe("forbidden");
    setApproves("sales", []);
  });

  it("twice, too late, or under a policy that has changed", async () => {
    const { path, requester } = await askFor();
    const { browser, person } = await openAs("admin");
    const changeBack = changeVersion();
    expect(await textOf(browser.get(path))).toContain("The policy has changed since");
    expect((await browser.post(path, approve(person))).status).toBe(409);
    changeBack();
    expect((await browser.post(path, approve(person))).status).toBe(303);
    const again = await browser.post(path, approve(person));
    expect(again.status).toBe(409);
    expect(await again.text()).toContain("decided already");

    const late = await askFor();
    const item = await findApproval(late.requester.id);
    const object = env.PRINCIPAL.get(env.PRINCIPAL.idFromName(late.requester.id));
    await runInDurableObject(object, (_principal, { storage: { sql } }) => {
      sql.exec("UPDATE approval SET expires_at = 1, body = json_set(body, '$.expiresAt', 1)");
    });
    expect((await browser.get(late.path)).status).toBe(410);
    expect((await browser.post(late.path, approve(person))).status).toBe(410);
    expect((await approvalGate(env, late.requester.id).readApproval(item.approvalId))?.state).toBe("expired");
    expect(requester.id).not.toBe(late.requester.id);
  });

  it("for an app that was disconnected or a user who is disabled, and the page explains it", async () => {
    const app = await askFor();
    const { browser, person } = await openAs("admin");
    const item = await findApproval(app.requester.id);
    await principalGate(env, app.requester.id).revokeGrant(item.binding.grantId);
    expect(await textOf(browser.get(app.path))).toContain("has been disconnected");
    expect((await browser.post(app.path, approve(person))).status).toBe(409);
    const gone = await askFor();
    await env.PLATFORM_DB.prepare(`UPDATE "user" SET "disabled" = 1 WHERE "id" = ?`)
      .bind(gone.requester.id)
      .run();
    expect(await textOf(browser.get(gone.path))).toContain("A person whose account has ended");
    expect((await browser.post(gone.path, approve(person))).status).toBe(410);
    expect(await textOf(browser.get("/approvals"))).not.toContain(gone.path);
  });

  it("by a form of another site, of another user on this browser, or without a decision", async () => {
    const { path, requester } = await askFor();
    const { browser, person } = await openAs("admin");
    const stranger = await createPerson("admin");
    expect((await browser.post(path, approve(stranger))).status).toBe(409);
    expect((await browser.post(path, { subject: person.id, decision: "yes" })).status).toBe(422);
    browser.headers = { Origin: "https://evil.example", "Sec-Fetch-Site": "cross-site" };
    expect((await browser.post(path, approve(person))).status).toBe(403);
    expect((await findApproval(requester.id)).state).toBe("pending");
  });
});
