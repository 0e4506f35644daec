import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { listenForChanges } from "../../shared/mcp/subscriptions/changes.ts";
import { RIGHTS } from "../../shared/objects/change-gate.ts";
import { awaitEvents, linksOf } from "../audit/trail.ts";
import { callMcp, createPerson, PASSWORD, signIn, TestBrowser } from "../support/oauth.ts";
import { setSecondFactor } from "../support/policy.ts";
import { enrol } from "../support/second-factor.ts";
import { hiddenOf, keyOn, makeKey, makeKeyOf, revoke, rotate, sendForm, subjectOf } from "./make-key.ts";

const textOf = async (response: Promise<Response>) => (await response).text();

/** The whole stored state of keys, as text. */
async function storedKeys(): Promise<string> {
  const tables = ["access_key", "access_key_secret", "admin_request"];
  const results = await env.PLATFORM_DB.batch(
    tables.map((table) => env.PLATFORM_DB.prepare(`SELECT * FROM ${table}`)),
  );
  return JSON.stringify(results.map(({ results: rows }) => rows));
}

describe("the pages of API keys", () => {
  it("need a signed-in person", async () => {
    const browser = new TestBrowser();
    for (const path of ["/account/keys", "/account/keys/new", "/account/keys/key_1"]) {
      expect((await browser.get(path)).headers.get("Location")).toBe(
        `/sign-in?next=${encodeURIComponent(path)}`,
      );
    }
    for (const path of ["/account/keys", "/account/keys/key_1/rotate", "/account/keys/key_1/revoke"]) {
      expect((await browser.post(path, { name: "x" })).status).toBe(303);
    }
  });

  it("say so when there is no key, and the account page leads to them", async () => {
    const browser = await signIn(await createPerson("sales"));
    expect(await textOf(browser.get("/account"))).toContain('href="/account/keys"');
    expect(await textOf(browser.get("/account/keys"))).toContain("You have no keys");
  });

  it("show a key once, and list it with its limits, its end and its last use", async () => {
    const browser = await signIn(await createPerson("sales"));
    const { id, text } = await makeKey(browser, {
      name: 'Report <b>"x"</b>',
      tools: "crm_get_*\ncrm_search",
      networks: "203.0.113.0/24",
      days: "30",
    });
    expect(text).toMatch(/^gatehouse_key_[0-9A-Za-z]{49}$/);
    const list = await textOf(browser.get("/account/keys"));
    const page = await textOf(browser.get(`/account/keys/${id}`));
    for (const html of [list, page]) {
      expect(html).toContain("Report &lt;b&gt;&quot;x&quot;&lt;/b&gt;");
      expect(html).not.toContain(text);
      expect(html).toContain(text.slice(0, 18));
      expect(html).toContain("not used yet");
      expect(html).toContain(new Date(Date.now() + 30 * 86_400_000).toISOString().slice(0, 10));
    }
    for (const limit of ["crm_get_*", "crm_search", "203.0.113.0/24", "/mcp/crm", "crm:write"]) {
      expect(page).toContain(limit);
    }
    expect(await storedKeys()).not.toContain(text.slice(18));
  });

  it("record who made, rotated and revoked which key, and nothing of its secret", async () => {
    const person = await createPerson("sales");
    const { id, text, browser } = await makeKeyOf(person);
    const second = keyOn(await textOf(rotate(browser, id, "24")));
    await revoke(browser, id);
    expect(await awaitEvents(person.id, 4)).toMatchObject([
      { type: "sign_in" },
      { type: "key_change", change: "created", keyId: id },
      { type: "key_change", change: "rotated", keyId: id },
      { type: "key_change", change: "revoked", keyId: id },
    ]);
    const trail = JSON.stringify(await linksOf(person.id));
    for (const secret of [text, second]) expect(trail).not.toContain(secret.slice(14, 40));
  });

  it("announce to the open streams of the owner that earlier secrets ended with a rotation", async () => {
    const person = await createPerson("sales");
    const { id, browser } = await makeKeyOf(person);
    let announced = 0;
    const close = await listenForChanges(
      env,
      RIGHTS,
      { userId: person.id, pace: "soon" },
      { onChange: () => void announced++, onBroken: () => {} },
    );
    await rotate(browser, id, "0");
    await expect.poll(() => announced).toBe(1);
    close?.();
  });

  it.each([
    ["no name", { name: " " }],
    ["no address", { resources: [] }],
    ["an address that is not served", { resources: ["/mcp/other"] }],
    ["no permission", { scopes: [] }],
    ["a permission that the role lacks", { scopes: ["crm:delete"] }],
    ["a permission of another address", { scopes: ["knowledge:read"] }],
    ["too many days", { days: "366" }],
    ["a broken network", { networks: "203.0.113.0/99" }],
    ["a tool with a space in quotes", { tools: '"crm get"' }],
    ["a wrong password", { password: "wrong" }],
  ])("refuse %s, and keep what was typed", async (_what, form) => {
    const browser = await signIn(await createPerson("viewer"));
    const response = await sendForm(browser, { scopes: ["crm:read"], name: "Kept", ...form });
    const html = await response.text();
    expect(response.status).toBe(422);
    expect(html).toContain('role="alert"');
    expect(keyOn(html)).toBe("");
    if (!("name" in form)) expect(html).toContain('value="Kept"');
    expect(await textOf(browser.get("/account/keys"))).toContain("You have no keys");
  });

  it("make one key of a form that is sent twice", async () => {
    const browser = await signIn(await createPerson("sales"));
    const page = await textOf(browser.get("/account/keys/new"));
    const fields: [string, string][] = [
      ...hiddenOf(page),
      ["name", "Once"],
      ["resource", "/mcp/crm"],
      ["scope", "crm:read"],
      ["days", "90"],
      ["password", PASSWORD],
    ];
    expect((await browser.post("/account/keys", fields)).status).toBe(200);
    expect((await browser.post("/account/keys", fields)).status).toBe(409);
    expect((await textOf(browser.get("/account/keys"))).match(/Once/g)).toHaveLength(1);
  });

  it("count wrong passwords like sign-in does", async () => {
    const browser = await signIn(await createPerson("sales"));
    const statuses: number[] = [];
    for (let guess = 0; guess < 6; guess++) {
      statuses.push((await sendForm(browser, { password: "wrong" })).status);
    }
    expect(statuses).toEqual([422, 422, 422, 422, 422, 429]);
  });

  it("page through 200 keys, each once", async () => {
    const person = await createPerson("sales");
    const { browser, id } = await makeKeyOf(person);
    await env.PLATFORM_DB.batch([
      env.PLATFORM_DB.prepare(
        `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 199)
         INSERT INTO access_key SELECT printf('key_%024x', i), owner, 'Copy ' || i, scopes, resources, tools, networks, days,
                created_at - i / 3, by, proof, certificates FROM n JOIN access_key WHERE id = ?1`,
      ).bind(id),
      env.PLATFORM_DB.prepare(
        `INSERT INTO access_key_secret (digest, key_id, hint, created_at, ends_at) SELECT id, id, 'abcd', created_at, created_at + 1000000 FROM access_key WHERE name LIKE 'Copy %'`,
      ),
    ]);
    const seen: string[] = [];
    for (let path: string | null = "/account/keys"; path !== null; ) {
      const html = await textOf(browser.get(path));
      const ids = [...html.matchAll(/href="\/account\/keys\/(key_[0-9a-f]{24})"/g)].map(
        (match) => match[1] ?? "",
      );
      expect(ids.length).toBeLessThanOrEqual(50);
      seen.push(...ids);
      path = /href="(\/account\/keys\?after=[^"]+)"/.exec(html)?.[1] ?? null;
    }
    expect(seen).toHaveLength(200);
    expect(new Set(seen).size).toBe(200);
  });
});

describe("a second person", () => {
  it("cannot see, rotate or revoke a key, and learns not even that it is there", async () => {
    const { id, text } = await makeKeyOf(await createPerson("sales"));
    const stranger = await signIn(await createPerson("admin"));
    const subject = subjectOf(await textOf(stranger.get("/account/keys/new")));
    const foreign = await stranger.get(`/account/keys/${id}`);
    const missing = await stranger.get(`/account/keys/key_${"0".repeat(24)}`);
    expect([foreign.status, missing.status]).toEqual([404, 404]);
    expect(await foreign.text()).toBe(await missing.text());
    for (const action of ["rotate", "revoke"]) {
      const fields = { subject, hint: text.slice(14, 18), overlap: "0", password: PASSWORD };
      expect((await stranger.post(`/account/keys/${id}/${action}`, fields)).status).toBe(404);
    }
    expect(await textOf(stranger.get("/account/keys"))).toContain("You have no keys");
    expect(await textOf(stranger.get(`/account/keys?after=${id}`))).toContain("You have no keys");
    expect((await callMcp("/mcp/crm", text)).status).toBe(200);
  });

  it("cannot take the id of an account that was removed, which the policy may still name", async () => {
    const owner = await signIn(await createPerson("sales"));
    const fieldsOf = async (by: TestBrowser, key?: string): Promise<[string, string][]> => [
      ...hiddenOf(await textOf(by.get("/account/keys/new"))).filter(
        ([name]) => name !== "key" || key === undefined,
      ),
      ...(key === undefined ? [] : ([["key", key]] as [string, string][])),
      ["name", "Reports"],
      ["resource", "/mcp/crm"],
      ["scope", "crm:read"],
      ["days", "90"],
      ["proof", "workload"],
      ["password", PASSWORD],
    ];
    const sent = await fieldsOf(owner);
    const issued = new Map(sent).get("key") ?? "";
    const made = await (await owner.post("/account/keys", sent)).text();
    const id = /\/account\/keys\/(key_[0-9a-f]{24})/.exec(made)?.[1] ?? "";
    expect(issued.startsWith(`${id}.`)).toBe(true);
    expect((await revoke(owner, id)).status).toBe(303);
    const other = await signIn(await createPerson("sales"));
    for (const key of [id, issued, ""]) {
      expect((await other.post("/account/keys", await fieldsOf(other, key))).status).toBe(422);
    }
    // Neither does the owner, with the form that was sent.
    expect((await owner.post("/account/keys", sent)).status).toBe(409);
    expect(
      await env.PLATFORM_DB.prepare("SELECT count(*) AS n FROM access_key WHERE id = ?").bind(id).first("n"),
    ).toBe(0);
  });

  it("who signs in on the same browser meanwhile does not send the first one's form", async () => {
    const [first, second] = [await createPerson("sales"), await createPerson("sales")];
    const browser = await signIn(first);
    const form = hiddenOf(await textOf(browser.get("/account/keys/new")));
    const other = await signIn(second);
    const answer = await other.post("/account/keys", [
      ...form,
      ["name", "Theirs"],
      ["resource", "/mcp/crm"],
      ["scope", "crm:read"],
      ["days", "90"],
      ["password", PASSWORD],
    ]);
    expect(answer.status).toBe(409);
    expect(keyOn(await answer.text())).toBe("");
  });
});

describe("a person with a second factor", () => {
  it("gives a fresh one before a key is made or rotated, and the key carries its time", async () => {
    const person = await createPerson("sales");
    const browser = await signIn(person);
    await enrol(browser);
    const { id } = await makeKey(browser, { password: "" });
    const stored = () =>
      env.PLATFORM_DB.prepare(
        "SELECT mfa_at FROM access_key_secret WHERE key_id = ? ORDER BY created_at DESC",
      )
        .bind(id)
        .first<{ mfa_at: number | null }>();
    expect((await stored())?.mfa_at).toBeGreaterThan(Date.now() - 60_000);
    await env.PLATFORM_DB.prepare(`UPDATE "session" SET "mfaAt" = ? WHERE "userId" = ?`)
      .bind(Date.now() - 16 * 60_000, person.id)
      .run();
    const toCode = `/sign-in/code?next=${encodeURIComponent("/account/keys/new")}`;
    expect((await browser.get("/account/keys/new")).headers.get("Location")).toBe(toCode);
    expect((await browser.post("/account/keys", { subject: person.id })).headers.get("Location")).toBe(
      toCode,
    );
    expect((await rotate(browser, id, "0")).status).toBe(303);
  });

  it("that the role requires sets it up first", async () => {
    setSecondFactor("sales", { required: true });
    try {
      const browser = await signIn(await createPerson("sales"));
      const answer = await browser.get("/account/keys/new");
      expect(answer.headers.get("Location")).toBe(
        `/account/second-factor?next=${encodeURIComponent("/account/keys/new")}`,
      );
    } finally {
      setSecondFactor("sales", {});
    }
  });
});
