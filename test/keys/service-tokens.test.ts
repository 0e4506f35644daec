import { env, exports } from "cloudflare:workers";
import { exportJWK, exportPKCS8, generateKeyPair } from "jose";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { splitStatements } from "../../shared/encoding/split-statements.ts";
import { setDisabled } from "../../shared/people/statements.ts";
import { awaitEvents, linksOf } from "../audit/trail.ts";
import {
  callMcp,
  createPerson,
  requestToken,
  signIn,
  type TestBrowser,
  type TestPerson,
} from "../support/oauth.ts";
import { LANES, openSession } from "../support/session.ts";
import {
  claimsOf,
  encodePart,
  makeSigner,
  type Signer,
  sign,
  signConfused,
  withAssertion,
} from "./assertions.ts";
import { type MadeKey, makeKey, revoke, rotate, sendForm } from "./make-key.ts";

const CRM = `${env.PUBLIC_URL}/mcp/crm`;
const TOKEN = /^gatehouse_token_1\.[\w-]{16}\.[\w-]+$/;

/** Victor and Mallory each have an account with a secret and one with a public key. */
interface Accounts {
  person: TestPerson;
  browser: TestBrowser;
  secret: MadeKey;
  signed: MadeKey;
  signer: Signer;
}

let victor: Accounts;
let mallory: Accounts;

async function settle(name: string, alg: Signer["alg"]): Promise<Accounts> {
  const person = await createPerson("sales", name);
  const browser = await signIn(person);
  const signer = await makeSigner(alg);
  const signed = await makeKey(browser, { proof: "public_key", publicKey: signer.pem });
  return { person, browser, secret: await makeKey(browser), signed, signer };
}

beforeAll(async () => {
  victor = await settle("Victor", "ES256");
  mallory = await settle("Mallory", "RS256");
});

afterEach(() => vi.useRealTimers());

const withSecret = ({ id, text }: MadeKey, fields: Record<string, string> = {}) =>
  requestToken({
    grant_type: "client_credentials",
    client_id: id,
    client_secret: text,
    resource: CRM,
    ...fields,
  });

const bySignature = async ({ signed, signer }: Accounts, fields: Record<string, string> = {}) =>
  requestToken(withAssertion(await sign(signer, claimsOf(signed.id)), fields));

function byBasic({ id, text }: MadeKey): Promise<Response> {
  return exports.default.fetch(new URL("/oauth/token", env.PUBLIC_URL), {
    method: "POST",
    headers: { Authorization: `Basic ${btoa(`${id}:${text}`)}` },
    body: new URLSearchParams({ grant_type: "client_credentials", resource: CRM }),
  });
}

async function change(sql: string): Promise<void> {
  await env.PLATFORM_DB.batch(splitStatements(sql).map((text) => env.PLATFORM_DB.prepare(text)));
}

describe.each(LANES)("a service account on the %s lane", (lane) => {
  it.each([
    ["its key as client secret", () => withSecret(victor.secret), () => victor.secret],
    ["a signature of its private key", () => bySignature(victor), () => victor.signed],
  ])("calls with a token that it got with %s, and the trail names it", async (_how, ask, account) => {
    const { status, body } = await ask();
    expect(status).toBe(200);
    expect(body).toMatchObject({ expires_in: 900, scope: "crm:read crm:write", resource: CRM });
    expect(body.access_token).toMatch(TOKEN);
    const token = { accessToken: body.access_token, clientId: account().id };
    const session = await openSession({ server: "crm", lane, token });
    expect((await session.call("crm_list_tasks")).isError).toBe(false);
    const intents = (await awaitEvents(victor.person.id, 4)).filter(({ type }) => type === "intent");
    expect(intents.at(-1)).toMatchObject({ clientId: account().id, name: "crm_list_tasks", lane });
    expect(JSON.stringify(await linksOf(victor.person.id))).not.toContain(body.access_token.slice(20));
  });

  it("is refused at its next call when it is revoked, rotated without overlap, or its time is over", async () => {
    const account = await makeKey(victor.browser);
    const open = async () => {
      const { body } = await withSecret(account);
      const token = { accessToken: body.access_token, clientId: account.id };
      return await openSession({ server: "crm", lane, token });
    };
    const rotated = await open();
    expect((await rotated.call("crm_list_tasks")).isError).toBe(false);
    const page = await (await rotate(victor.browser, account.id, "0")).text();
    expect(page).toContain("Keep this key");
    expect((await rotated.request("tools/call", { name: "crm_list_tasks", arguments: {} })).status).toBe(401);
    account.text = /gatehouse_key_[0-9A-Za-z]{49}/.exec(page)?.[0] ?? "";
    const revoked = await open();
    expect((await revoked.call("crm_list_tasks")).isError).toBe(false);
    await revoke(victor.browser, account.id);
    expect((await revoked.request("tools/call", { name: "crm_list_tasks", arguments: {} })).status).toBe(401);
    const old = (await withSecret(victor.secret)).body.access_token;
    vi.setSystemTime(Date.now() + 16 * 60_000);
    expect((await callMcp("/mcp/crm", old)).status).toBe(401);
  });
});

describe("a token of a service account", () => {
  it("is given for a secret in HTTP Basic, and for less than the account may", async () => {
    const response = await byBasic(victor.secret);
    expect([response.status, response.headers.get("cache-control")]).toEqual([200, "no-store"]);
    const { body } = await withSecret(victor.secret, { scope: "crm:read analytics:read" });
    expect(body.scope).toBe("crm:read");
    const token = { accessToken: body.access_token, clientId: victor.secret.id };
    const session = await openSession({ server: "crm", lane: "stateless", token });
    const refused = await session.request("tools/call", {
      name: "crm_create_contact",
      arguments: { name: "A", email: "a@b.example" },
    });
    expect(refused.status).toBe(403);
  });

  it("opens at the address that it was made for, and nowhere else", async () => {
    const account = await makeKey(victor.browser, { resources: ["/mcp", "/mcp/crm"], scopes: ["crm:read"] });
    const everywhere = await requestToken({
      grant_type: "client_credentials",
      client_id: account.id,
      client_secret: account.text,
    });
    expect(everywhere.body.resource).toBe(`${env.PUBLIC_URL}/mcp`);
    expect((await callMcp("/mcp/crm", everywhere.body.access_token)).status).toBe(401);
    expect((await callMcp("/mcp", everywhere.body.access_token)).status).toBe(200);
    const { status, body } = await withSecret(account, { resource: `${env.PUBLIC_URL}/mcp/analytics` });
    expect([status, body.error]).toEqual([400, "invalid_target"]);
  });

  it("ends with its owner's account and with the credential behind it", async () => {
    const other = await settle("Leaver", "ES256");
    const { body } = await bySignature(other);
    await change(setDisabled(other.person.id, true, new Date().toISOString()));
    expect((await bySignature(other)).body.error).toBe("invalid_client");
    vi.setSystemTime(Date.now() + 2 * 60_000);
    expect((await callMcp("/mcp/crm", body.access_token)).status).toBe(401);
  });

  it("is given for the earlier public key until its overlap ends, and for the newer one", async () => {
    const account = await settle("Rotating", "ES256");
    const next = await makeSigner("RS256");
    await rotate(account.browser, account.signed.id, "1", JSON.stringify(await exportJWK(next.publicKey)));
    expect((await bySignature(account)).status).toBe(200);
    expect((await bySignature({ ...account, signer: next })).status).toBe(200);
    vi.setSystemTime(Date.now() + 61 * 60_000);
    expect((await bySignature(account)).body.error).toBe("invalid_client");
    expect((await bySignature({ ...account, signer: next })).status).toBe(200);
  });

  it("is announced in the metadata, with the algorithms of signatures", async () => {
    const url = new URL("/.well-known/oauth-authorization-server", env.PUBLIC_URL);
    const metadata = await (await exports.default.fetch(url)).json<Record<string, string[]>>();
    expect(metadata.grant_types_supported).toContain("client_credentials");
    expect(metadata.token_endpoint_auth_methods_supported).toContain("client_secret_basic");
    expect(metadata.token_endpoint_auth_signing_alg_values_supported).toEqual(["RS256", "ES256"]);
  });

  it("of eight requests with one assertion, one is given", async () => {
    const assertion = await sign(victor.signer, claimsOf(victor.signed.id));
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => requestToken(withAssertion(assertion))),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  });
});

describe("the form for a public key", () => {
  it("takes PEM and JSON Web Keys, keeps the public members alone, and never a private key", async () => {
    const pair = await generateKeyPair("RS256", { extractable: true });
    const small = { kty: "RSA", n: "u".repeat(171), e: "AQAB" };
    const refused = [
      ["private key", await exportPKCS8(pair.privateKey)],
      ["private key", JSON.stringify(await exportJWK(pair.privateKey))],
      ["2,048 bits", JSON.stringify(small)],
      ["Paste a public key", "ssh-rsa AAAA"],
      ["P-256 or of RSA", JSON.stringify({ kty: "oct", n: "x" })],
    ] as const;
    for (const [reason, publicKey] of refused) {
      const response = await sendForm(victor.browser, { proof: "public_key", publicKey });
      expect(response.status).toBe(422);
      const html = await response.text();
      expect(html).toContain(reason);
    }
    const jwk = { ...(await exportJWK(pair.publicKey)), kid: "mine", x5u: "https://evil.example/x" };
    const { id } = await makeKey(victor.browser, { proof: "public_key", publicKey: JSON.stringify(jwk) });
    const row = await env.PLATFORM_DB.prepare("SELECT public_key FROM access_key_secret WHERE key_id = ?")
      .bind(id)
      .first<{ public_key: string }>();
    expect(Object.keys(JSON.parse(row?.public_key ?? "{}")).sort()).toEqual(["alg", "e", "kty", "n"]);
  });
});

describe("Mallory, who has accounts of their own, gets no token of Victor's", () => {
  const own = () => claimsOf(mallory.signed.id);
  const his = () => claimsOf(victor.signed.id);
  const now = () => Math.floor(Date.now() / 1000);
  const signed = (claims = his(), changes = {}, by = mallory.signer) => sign(by, claims, changes);

  it.each<[string, () => Promise<Record<string, string>>, string]>([
    [
      "their secret with his id",
      async () => ({ client_id: victor.secret.id, client_secret: mallory.secret.text }),
      "invalid_client",
    ],
    ["his id without a secret", async () => ({ client_id: victor.secret.id }), "invalid_client"],
    [
      "his key's text with the id of his other account",
      async () => ({ client_id: victor.signed.id, client_secret: victor.secret.text }),
      "invalid_client",
    ],
    [
      "a digest for the secret",
      async () => ({ client_id: victor.secret.id, client_secret: "0".repeat(64) }),
      "invalid_client",
    ],
    [
      "a token for the secret",
      async () => ({
        client_id: mallory.secret.id,
        client_secret: (await withSecret(mallory.secret)).body.access_token,
      }),
      "invalid_client",
    ],
    [
      "an id that is SQL",
      async () => ({ client_id: "key_' OR 1=1 --", client_secret: mallory.secret.text }),
      "invalid_client",
    ],
    [
      "both a secret and an assertion",
      async () => ({
        client_id: victor.secret.id,
        client_secret: mallory.secret.text,
        client_assertion: await signed(own()),
      }),
      "invalid_request",
    ],
    ["his id, signed by their key", async () => withAssertion(await signed()), "invalid_client"],
    [
      "their assertion with his client_id",
      async () => withAssertion(await signed(own()), { client_id: victor.signed.id }),
      "invalid_client",
    ],
    [
      "his sub with their iss",
      async () => withAssertion(await signed({ ...own(), sub: victor.signed.id })),
      "invalid_client",
    ],
    [
      "his iss with their sub",
      async () => withAssertion(await signed({ ...his(), sub: mallory.signed.id })),
      "invalid_client",
    ],
    [
      "another type of assertion",
      async () =>
        withAssertion(await signed(own()), {
          client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:saml2-bearer",
        }),
      "invalid_client",
    ],
    [
      "an expired assertion",
      async () => withAssertion(await signed(own(), { claims: { exp: now() - 61 } })),
      "invalid_client",
    ],
    [
      "one that begins in the future",
      async () => withAssertion(await signed(own(), { claims: { nbf: now() + 120 } })),
      "invalid_client",
    ],
    [
      "one issued in the future",
      async () => withAssertion(await signed(own(), { claims: { iat: now() + 120, exp: now() + 200 } })),
      "invalid_client",
    ],
    [
      "one that lives a day",
      async () => withAssertion(await signed(own(), { claims: { exp: now() + 86_400 } })),
      "invalid_client",
    ],
    [
      "one without an end",
      async () => withAssertion(await signed(own(), { without: ["exp"] })),
      "invalid_client",
    ],
    [
      "one without a name",
      async () => withAssertion(await signed(own(), { without: ["jti"] })),
      "invalid_client",
    ],
    [
      "one for another server",
      async () => withAssertion(await signed({ ...own(), aud: "https://other.example" })),
      "invalid_client",
    ],
    [
      "one for us and another server",
      async () => withAssertion(await signed({ ...own(), aud: [env.PUBLIC_URL, "https://other.example"] })),
      "invalid_client",
    ],
    [
      "one for an MCP address",
      async () => withAssertion(await signed({ ...own(), aud: CRM })),
      "invalid_client",
    ],
    [
      "one without an audience",
      async () => withAssertion(await signed(own(), { without: ["aud"] })),
      "invalid_client",
    ],
    [
      "one of another type",
      async () => withAssertion(await signed(own(), { header: { typ: "at+jwt" } })),
      "invalid_client",
    ],
    [
      "one with an unknown critical header",
      async () => withAssertion(await signed(own(), { header: { crit: ["x"], x: 1 } })),
      "invalid_client",
    ],
    [
      "one without a signature",
      async () =>
        withAssertion(
          `${encodePart({ alg: "none" })}.${encodePart({ ...his(), exp: now() + 60, jti: "1" })}.`,
        ),
      "invalid_client",
    ],
    [
      "one whose HMAC is made with his public key",
      async () => withAssertion(await signConfused(his(), victor.signer.pem)),
      "invalid_client",
    ],
    [
      "a key in the header",
      async () =>
        withAssertion(await signed(his(), { header: { jwk: await exportJWK(mallory.signer.publicKey) } })),
      "invalid_client",
    ],
    [
      "keys at an address in the header",
      async () =>
        withAssertion(
          await signed(his(), { header: { jku: "https://evil.example/keys", kid: "../../etc/passwd" } }),
        ),
      "invalid_client",
    ],
    [
      "a kid that is SQL",
      async () => withAssertion(await signed(his(), { header: { kid: "' UNION SELECT 1 --" } })),
      "invalid_client",
    ],
    ["no token at all", async () => withAssertion("a.b.c"), "invalid_client"],
    ["20 kB of token", async () => withAssertion("a".repeat(20_000)), "invalid_client"],
    [
      "scopes of another role",
      async () => ({
        client_id: mallory.secret.id,
        client_secret: mallory.secret.text,
        scope: "knowledge:write",
      }),
      "invalid_scope",
    ],
    [
      "an address that the account has not",
      async () => ({
        client_id: mallory.secret.id,
        client_secret: mallory.secret.text,
        resource: `${env.PUBLIC_URL}/mcp`,
      }),
      "invalid_target",
    ],
    [
      "an address of another host",
      async () => ({
        client_id: mallory.secret.id,
        client_secret: mallory.secret.text,
        resource: "https://evil.example/mcp/crm",
      }),
      "invalid_target",
    ],
  ])("with %s", async (_case, makeFields, error) => {
    const fields = { grant_type: "client_credentials", resource: CRM, ...(await makeFields()) };
    const { status, body } = await requestToken(fields);
    expect([status >= 400, body.error, body.access_token]).toEqual([true, error, undefined]);
    expect(JSON.stringify(body)).not.toContain(victor.signed.id);
  });

  it("but gets their own, also signed with RSA", async () => {
    expect((await bySignature(mallory)).status).toBe(200);
    expect((await withSecret(mallory.secret)).status).toBe(200);
  });

  it("with a token whose parts were changed, or that was made for another address", async () => {
    const { body } = await withSecret(mallory.secret);
    const [head = "", nonce = "", sealed = ""] = body.access_token.split(".");
    const other = (await withSecret(victor.secret)).body.access_token.split(".");
    const changed = [
      [head, nonce, `A${sealed.slice(1)}`],
      [head, other[1], sealed],
      [head.replace("_1", "_2"), nonce, sealed],
      [head, nonce, `${sealed}AA`],
    ];
    for (const parts of changed) expect((await callMcp("/mcp/crm", parts.join("."))).status).toBe(401);
    expect((await callMcp("/mcp", body.access_token)).status).toBe(401);
  });
});
