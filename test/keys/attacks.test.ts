import { env, exports } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { splitStatements } from "../../shared/encoding/split-statements.ts";
import { addLink, createLink } from "../../shared/people/password-links.ts";
import { createPerson, PASSWORD, signIn, TestBrowser, type TestPerson } from "../support/oauth.ts";
import { openSession, type RpcAnswer } from "../support/session.ts";
import { hiddenOf, keyOn, type MadeKey, makeKey } from "./make-key.ts";

/** Mallory attacks; Victor has a key, a browser and a link. */
interface Scene {
  victor: TestPerson;
  victorBrowser: TestBrowser;
  key: MadeKey;
  link: string;
  session: string;
  mallory: TestPerson;
  browser: TestBrowser;
  ownKey: MadeKey;
}

let scene: Scene;

beforeAll(async () => {
  const [victor, mallory] = [await createPerson("sales", "Victor"), await createPerson("sales", "Mallory")];
  const [victorBrowser, browser] = [await signIn(victor), await signIn(mallory)];
  const [key, ownKey] = [await makeKey(victorBrowser, { name: "Victor's job" }), await makeKey(browser)];
  const { token, digest } = createLink();
  const sql = addLink(victor.email, { digest, kind: "reset", by: "tests", at: Date.now() });
  await env.PLATFORM_DB.batch(splitStatements(sql).map((text) => env.PLATFORM_DB.prepare(text)));
  const row = await env.PLATFORM_DB.prepare(`SELECT "id" FROM "session" WHERE "userId" = ?`)
    .bind(victor.id)
    .first<{ id: string }>();
  scene = { victor, victorBrowser, key, link: token, session: row?.id ?? "", mallory, browser, ownKey };
});

/** A complete form for a key, with changed fields. */
async function keyForm({ browser }: Scene, changes: Record<string, string>): Promise<[string, string][]> {
  const page = await (await browser.get("/account/keys/new")).text();
  const fields = new Map([
    ...hiddenOf(page),
    ["name", "Attack"],
    ["resource", "/mcp/crm"],
    ["scope", "crm:read"],
    ["days", "90"],
    ["password", PASSWORD],
  ] as [string, string][]);
  for (const [name, value] of Object.entries(changes)) fields.set(name, value);
  return [...fields];
}

const rotateForm = ({ mallory, key }: Scene) => ({
  subject: mallory.id,
  hint: key.text.slice(14, 18),
  overlap: "0",
  password: PASSWORD,
});

const postRaw = (path: string, body: string, headers: Record<string, string>) =>
  exports.default.fetch(new URL(path, env.PUBLIC_URL), { method: "POST", body, headers, redirect: "manual" });

/** Whether a tool ran: its result has no error. */
const ran = ({ result }: RpcAnswer) => result !== undefined && result.isError !== true;

const callTool = async (
  accessToken: string,
  clientId: string,
  name: string,
  args: Record<string, unknown>,
) => {
  const session = await openSession({ server: "crm", lane: "stateless", token: { accessToken, clientId } });
  const answer = await session.request("tools/call", { name, arguments: args });
  return ran(answer) ? 200 : answer.status === 200 ? 403 : answer.status;
};

const status = async (response: Promise<Response>) => (await response).status;

/** What Mallory tries, and the answers that give nothing away. */
const ATTACKS: readonly (readonly [
  name: string,
  run: (scene: Scene) => Promise<number>,
  expected: number[],
])[] = [
  ["reads Victor's key page", ({ browser, key }) => status(browser.get(`/account/keys/${key.id}`)), [404]],
  [
    "reads it with another spelling of the id",
    ({ browser, key }) => status(browser.get(`/account/keys/${key.id.toUpperCase()}`)),
    [404],
  ],
  [
    "reads it with a wildcard for the id",
    ({ browser }) => status(browser.get(`/account/keys/${encodeURIComponent("key_%")}`)),
    [404],
  ],
  [
    "rotates Victor's key",
    (s) => status(s.browser.post(`/account/keys/${s.key.id}/rotate`, rotateForm(s))),
    [404],
  ],
  [
    "rotates it in Victor's name",
    (s) =>
      status(s.browser.post(`/account/keys/${s.key.id}/rotate`, { ...rotateForm(s), subject: s.victor.id })),
    [404],
  ],
  [
    "revokes Victor's key",
    (s) => status(s.browser.post(`/account/keys/${s.key.id}/revoke`, { subject: s.mallory.id })),
    [404],
  ],
  [
    "revokes it as if it were a connected app",
    async (s) => {
      await s.browser.post("/account/revoke", { grant: s.key.id });
      return callTool(s.key.text, s.key.id, "crm_list_tasks", {}).then((code) => (code === 200 ? 404 : 200));
    },
    [404],
  ],
  [
    "makes a key in Victor's name",
    async (s) => status(s.browser.post("/account/keys", await keyForm(s, { subject: s.victor.id }))),
    [409],
  ],
  [
    "makes a key with the id of Victor's",
    async (s) => status(s.browser.post("/account/keys", await keyForm(s, { key: s.key.id }))),
    [422],
  ],
  [
    "makes a key with a permission of another role",
    async (s) => status(s.browser.post("/account/keys", await keyForm(s, { scope: "knowledge:write" }))),
    [422],
  ],
  [
    "makes a key for an address outside",
    async (s) =>
      status(s.browser.post("/account/keys", await keyForm(s, { resource: "https://evil.example/mcp" }))),
    [422],
  ],
  [
    "makes a key that lives ten years",
    async (s) => status(s.browser.post("/account/keys", await keyForm(s, { days: "3650" }))),
    [422],
  ],
  [
    "makes a key with SQL in its lists",
    async (s) =>
      status(s.browser.post("/account/keys", await keyForm(s, { tools: "x'); DELETE FROM access_key; --" }))),
    [422],
  ],
  [
    "makes a key without the password, from a stolen browser session",
    async (s) => status(s.browser.post("/account/keys", await keyForm(s, { password: "" }))),
    [422, 429],
  ],
  [
    "sends Victor's browser a form from another site",
    async (s) => {
      const cookie = [...s.victorBrowser.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
      const headers = {
        cookie,
        origin: "https://evil.example",
        "content-type": "application/x-www-form-urlencoded",
      };
      const body = new URLSearchParams({ subject: s.victor.id }).toString();
      return status(postRaw(`/account/keys/${s.key.id}/revoke`, body, headers));
    },
    [403],
  ],
  [
    "sends the form as JSON",
    async (s) => {
      const cookie = [...s.browser.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
      const headers = { cookie, origin: env.PUBLIC_URL, "content-type": "application/json" };
      return status(postRaw("/account/keys", JSON.stringify({ name: "x" }), headers));
    },
    [415],
  ],
  ["uses the key's id as the key", ({ key }) => callTool(key.id, key.id, "crm_list_tasks", {}), [401]],
  [
    "uses the key's stored digest as the key",
    async ({ key }) => {
      const row = await env.PLATFORM_DB.prepare("SELECT digest FROM access_key_secret WHERE key_id = ?")
        .bind(key.id)
        .first<{ digest: string }>();
      return callTool(row?.digest ?? "", key.id, "crm_list_tasks", {});
    },
    [401],
  ],
  [
    "shapes a token of the OAuth library from the key's id",
    ({ key, victor }) => callTool(`${victor.id}:${key.id}:secret`, key.id, "crm_list_tasks", {}),
    [401],
  ],
  [
    "puts two keys into one header",
    ({ key, ownKey }) => callTool(`${ownKey.text}, Bearer ${key.text}`, key.id, "crm_list_tasks", {}),
    [401],
  ],
  [
    "continues Victor's session with a key of her own",
    async ({ key, ownKey }) => {
      const token = { accessToken: key.text, clientId: key.id };
      const session = await openSession({ server: "crm", lane: "sessionful", token });
      session.token = { accessToken: ownKey.text, clientId: ownKey.id };
      return (await session.request("tools/list")).status;
    },
    [404],
  ],
  [
    "forges the header that carries an identity to a session",
    async ({ key, ownKey, victor }) => {
      const token = { accessToken: ownKey.text, clientId: ownKey.id };
      const session = await openSession({ server: "crm", lane: "stateless", token });
      const forged = { userId: victor.id, role: "admin", scopes: ["crm:delete"], clientId: key.id };
      session.headers = { "gatehouse-identity": encodeURIComponent(JSON.stringify(forged)) };
      const answer = await session.request("tools/call", {
        name: "crm_delete_record",
        arguments: { type: "contact", id: "con_x", mode: "archive" },
      });
      return ran(answer) ? 200 : 403;
    },
    [403],
  ],
  [
    "widens a key by asking for more permissions at the token endpoint",
    ({ ownKey }) =>
      status(
        postRaw(
          "/oauth/token",
          new URLSearchParams({
            grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
            subject_token: ownKey.text,
            subject_token_type: "urn:ietf:params:oauth:token-type:access_token",
            scope: "crm:delete",
          }).toString(),
          { "content-type": "application/x-www-form-urlencoded" },
        ),
      ),
    [400, 401],
  ],
  [
    "tells the Worker of a change with a guessed mark",
    ({ key }) => {
      const body = JSON.stringify({ mark: crypto.randomUUID(), keyId: key.id });
      const headers = { "content-type": "application/json", "content-length": String(body.length) };
      return status(postRaw("/people/changes", body, headers));
    },
    [404],
  ],
  [
    "signs Victor's browser out",
    async (s) => {
      await s.browser.post("/account/browsers", { browser: s.session });
      await s.browser.post("/account/browsers", { others: "all" });
      return (await s.victorBrowser.get("/account")).status === 200 ? 404 : 200;
    },
    [404],
  ],
  [
    "guesses a link from a digest",
    async ({ browser }) => {
      const row = await env.PLATFORM_DB.prepare("SELECT digest FROM password_link LIMIT 1").first<{
        digest: string;
      }>();
      return status(browser.post("/password", { link: row?.digest ?? "", new: "mallory's password" }));
    },
    [404],
  ],
  [
    "changes a letter of a link",
    ({ browser, link }) => {
      const other = `${link.slice(0, -1)}${link.endsWith("0") ? "1" : "0"}`;
      return status(browser.post("/password", { link: other, new: "mallory's password" }));
    },
    [404],
  ],
  [
    "writes a link with a LIKE pattern, an array and a null",
    async ({ browser }) => {
      const codes = await Promise.all(
        ["%", "_".repeat(64), "[object Object]", "null", "\u0000"].map((link) =>
          status(browser.post("/password", { link, new: "mallory's password" })),
        ),
      );
      return new Set(codes).size === 1 ? (codes[0] ?? 0) : 0;
    },
    [404],
  ],
  [
    "sends a megabyte to the form of a link",
    ({ browser, link }) => status(browser.post("/password", { link, new: "x".repeat(1_000_000) })),
    [413],
  ],
];

describe("of two persons, one who attacks", () => {
  it.each(ATTACKS)("gets nothing when she %s", async (_name, run, expected) => {
    expect(expected).toContain(await run(scene));
  });

  it("has changed nothing of the other: key, link, browser and password are as they were", async () => {
    const { victor, victorBrowser, key, link, browser } = scene;
    expect(ATTACKS.length).toBeGreaterThanOrEqual(20);
    expect(await callTool(key.text, key.id, "crm_list_tasks", {})).toBe(200);
    const page = await (await victorBrowser.get(`/account/keys/${key.id}`)).text();
    expect(page).toContain("Victor&#39;s job");
    expect(await (await victorBrowser.get("/account/keys")).text()).not.toContain("Attack");
    expect(keyOn(await (await browser.get("/account/keys")).text())).toBe("");
    expect((await new TestBrowser().get(`/password?link=${link}`)).status).toBe(200);
    await signIn(victor);
    const { results } = await env.PLATFORM_DB.prepare(
      "SELECT owner, name FROM access_key ORDER BY name",
    ).all();
    expect(results.map(({ name }) => name)).toEqual(["Nightly report", "Victor's job"]);
  });
});
