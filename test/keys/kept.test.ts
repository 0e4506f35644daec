import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { askForErasure } from "../../scripts/people/erase.ts";
import { splitStatements } from "../../shared/encoding/split-statements.ts";
import { runAdminJobs } from "../../workers/gateway/admin-jobs/run-admin-jobs.ts";
import { runMaintenance } from "../../workers/gateway/maintenance.ts";
import { approve, CONTACT, letCallsWait, TOOL } from "../gateway/waiting-call.ts";
import { pathOf } from "../support/approvals.ts";
import { callMcp, createPerson, signIn } from "../support/oauth.ts";
import { openSession } from "../support/session.ts";
import { makeKeyOf } from "./make-key.ts";

const keysOf = async (owner: string) =>
  (
    await env.PLATFORM_DB.prepare("SELECT id FROM access_key WHERE owner = ?")
      .bind(owner)
      .all<{ id: string }>()
  ).results.map(({ id }) => id);

describe("what is kept of API keys", () => {
  it("goes with the person who is erased, and their key is refused; another person's stays", async () => {
    const [gone, stays] = [await createPerson("sales"), await createPerson("sales")];
    const [lost, kept] = [await makeKeyOf(gone), await makeKeyOf(stays)];
    expect((await callMcp("/mcp/crm", lost.text)).status).toBe(200);
    const sql = askForErasure(gone.email, "npm run people (tester)", "{}");
    await env.PLATFORM_DB.batch(splitStatements(sql).map((text) => env.PLATFORM_DB.prepare(text)));
    await runAdminJobs(env);
    expect(await keysOf(gone.id)).toEqual([]);
    expect(await keysOf(stays.id)).toEqual([kept.id]);
    expect((await callMcp("/mcp/crm", lost.text)).status).toBe(401);
    expect((await callMcp("/mcp/crm", kept.text)).status).toBe(200);
    const secrets = await env.PLATFORM_DB.prepare(
      "SELECT count(*) AS total FROM access_key_secret WHERE key_id = ?",
    )
      .bind(lost.id)
      .first();
    expect(secrets).toEqual({ total: 0 });
  });

  it("stays listed as ended for 30 days, and is then removed", async () => {
    const person = await createPerson("sales");
    const [ended, old, living] = [await makeKeyOf(person), await makeKeyOf(person), await makeKeyOf(person)];
    const end = (id: string, at: number) =>
      env.PLATFORM_DB.prepare("UPDATE access_key_secret SET ends_at = ? WHERE key_id = ?").bind(at, id).run();
    await end(ended.id, Date.now() - 1_000);
    await end(old.id, Date.now() - 31 * 86_400_000);
    await runMaintenance(env);
    expect((await keysOf(person.id)).sort()).toEqual([ended.id, living.id].sort());
    const browser = await signIn(person);
    const page = await (await browser.get(`/account/keys/${ended.id}`)).text();
    expect(page).toContain("This key has ended");
    expect(page).not.toContain("/rotate");
    expect((await callMcp("/mcp/crm", ended.text)).status).toBe(401);
  });

  it("names the key where its call waits for an approval, which a revoked key cannot use", async () => {
    letCallsWait();
    const requester = await createPerson("sales");
    const key = await makeKeyOf(requester, { name: "Contact writer" });
    const token = { accessToken: key.text, clientId: key.id };
    const session = await openSession({ server: "crm", lane: "stateless", token });
    const path = pathOf(await session.call(TOOL, CONTACT));
    const admin = await createPerson("admin");
    const browser = await signIn(admin);
    expect(await (await browser.get(path)).text()).toContain("Contact writer (API key)");
    expect((await browser.post(path, approve(admin))).status).toBe(303);
    expect((await session.call(TOOL, CONTACT)).isError).toBe(false);
    const next = pathOf(await session.call(TOOL, { first_name: "Eve", last_name: "Other" }));
    await env.PLATFORM_DB.prepare("DELETE FROM access_key WHERE id = ?").bind(key.id).run();
    expect(await (await browser.get(next)).text()).toContain("has been disconnected");
  });
});
