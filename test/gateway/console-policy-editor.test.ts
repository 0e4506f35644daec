import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { overConnection } from "../../shared/encoding/platform-database.ts";
import { findLostWorkloads } from "../../shared/policy/changes/check-workloads.ts";
import { EDITOR_PAGE_POLICY } from "../../workers/gateway/console/policy/editor/script.ts";
import { makeKey, makeKeyOf, revoke } from "../keys/make-key.ts";
import { createPerson } from "../support/oauth.ts";
import { publish } from "../support/publish.ts";
import { openAs, textOf } from "./waiting-call.ts";

describe("the editor of a draft", () => {
  it("runs our script alone, gets the names of this deployment, and is closed without the right", async () => {
    const { browser, person } = await openAs("admin");
    const begun = await browser.post("/console/policy/drafts", { subject: person.id });
    const page = await browser.get(String(begun.headers.get("Location")));
    expect(page.headers.get("Content-Security-Policy")).toBe(EDITOR_PAGE_POLICY);
    expect(EDITOR_PAGE_POLICY).not.toContain("unsafe");
    const html = await page.text();
    expect(html.match(/<script[^>]*>/g)).toEqual(['<script src="/console/policy/editor.js" defer="">']);
    const script = await browser.get("/console/policy/editor.js");
    expect(script.headers.get("Content-Type")).toBe("text/javascript; charset=utf-8");
    const { schema, names } = await (await browser.get("/console/policy/editor.json")).json<{
      schema: { title: string };
      names: { values: Record<string, string[]> };
    }>();
    expect(schema.title).toBe("Gatehouse policy");
    expect(names.values.allowed_tools).toContain("crm_find_contacts");
    expect(names.values.role).toContain("viewer");
    const { browser: seller } = await openAs("sales");
    for (const path of ["editor.js", "editor.json"]) {
      expect((await seller.get(`/console/policy/${path}`)).status).toBe(403);
    }
  });
});

describe("rules for workloads", () => {
  it("are warned of in drafts and in force while their service account is not one that they can use", async () => {
    const { browser: owner, id: plain } = await makeKeyOf(await createPerson("sales"));
    const good = await makeKey(owner, { proof: "workload" });
    const gone = `key_${"0".repeat(24)}`;
    const when = { repository: ["acme/reports"] };
    const rules = [good.id, gone, plain, gone].map((account) => ({ account, when }));
    const workloads = { forge: { issuer: "https://forge.example", rules } };
    const database = overConnection(env.PLATFORM_DB);
    const find = (now = Date.now()) => findLostWorkloads(database, { sign_in: { workloads } }, now);
    expect(await find()).toEqual([
      `sign_in.workloads.forge.rules[1], sign_in.workloads.forge.rules[3]: the service account ${gone} does not exist, so these workloads get no token.`,
      `sign_in.workloads.forge.rules[2]: the service account ${plain} was not made for workloads, so these workloads get no token.`,
    ]);
    expect((await find(Date.now() + 100 * 86_400_000))[0]).toContain(`${good.id} has ended`);

    const { browser, person } = await openAs("admin");
    await publish((document) => {
      document.sign_in = { ...document.sign_in, workloads };
    });
    const page = await textOf(browser.get("/console/policy"));
    expect(page).toContain(`${gone} does not exist`);
    expect(page).not.toContain(good.id);
    const begun = await browser.post("/console/policy/drafts", { subject: person.id });
    const draft = String(begun.headers.get("Location"));
    expect(await textOf(browser.get(draft))).toContain(`${gone} does not exist`);
    await revoke(owner, good.id);
    expect(await textOf(browser.get("/console/policy"))).toContain(`${good.id} does not exist`);
    expect(await textOf(browser.get(draft))).toContain(`${good.id} does not exist`);
  });
});
