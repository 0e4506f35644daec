import { env, exports } from "cloudflare:workers";
import { exportJWK, exportPKCS8, generateKeyPair } from "jose";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { splitStatements } from "../../shared/encoding/split-statements.ts";
import { setDisabled } from "../../shared/people/statements.ts";
import { awaitEvents, linksOf } from "../audit/trail.ts";
import { callMcp, createPerson, requestToken } from "../support/oauth.ts";
import { LANES, openSession } from "../support/session.ts";
import { type Accounts, bySignature, CRM, settle, withSecret } from "./accounts.ts";
import { claimsOf, makeSigner, sign, withAssertion } from "./assertions.ts";
import { type MadeKey, makeKey, makeKeyOf, revoke, rotate, sendForm } from "./make-key.ts";

const TOKEN = /^gatehouse_token_1\.[\w-]{16}\.[\w-]+$/;

let victor: Accounts;

beforeAll(async () => {
  victor = await settle("Victor", "ES256");
});

afterEach(() => vi.useRealTimers());

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

describe.each(LANES)("a key that needs a client certificate, on the %s lane", (lane) => {
  it("is refused without its client certificate, and with one that Cloudflare does not vouch for", async () => {
    const [own, other] = ["AB".repeat(32), "cd".repeat(32)];
    const key = await makeKeyOf(await createPerson("sales"), {
      certificates: (own.match(/../g) ?? []).join(":"),
    });
    const token = { accessToken: key.text, clientId: key.id };
    const session = await openSession({ server: "crm", lane, token });
    const verified = {
      certPresented: "1",
      certVerified: "SUCCESS",
      certRevoked: "0",
      certFingerprintSHA256: own,
    };
    const answers = async (tlsClientAuth: object | undefined) => {
      session.cf = tlsClientAuth === undefined ? {} : { tlsClientAuth };
      const { result, error } = await session.request("tools/call", {
        name: "crm_list_tasks",
        arguments: {},
      });
      return JSON.stringify(error ?? result).includes("client certificate") ? "refused" : "answered";
    };
    expect(await answers(verified)).toBe("answered");
    expect(await answers({ ...verified, certFingerprintSHA256: own.toLowerCase() })).toBe("answered");
    for (const changed of [
      undefined,
      {},
      { certPresented: "0", certVerified: "NONE", certRevoked: "0", certFingerprintSHA256: "" },
      { ...verified, certVerified: "FAILED:self signed certificate" },
      { ...verified, certVerified: "FAILED:certificate has expired" },
      { ...verified, certVerified: "FAILED" },
      { ...verified, certRevoked: "1" },
      { ...verified, certRevoked: undefined },
      { ...verified, certPresented: "0" },
      { ...verified, certFingerprintSHA256: other },
      { ...verified, certFingerprintSHA256: "" },
    ]) {
      expect(await answers(changed), JSON.stringify(changed)).toBe("refused");
    }
    session.headers = { "cf-client-cert-sha256": own, "cf-cert-verified": "true" };
    expect(await answers(undefined)).toBe("refused");
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
