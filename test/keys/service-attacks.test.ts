import { env } from "cloudflare:workers";
import { exportJWK } from "jose";
import { beforeAll, describe, expect, it } from "vitest";
import { callMcp, requestToken } from "../support/oauth.ts";
import { type Accounts, bySignature, CRM, settle, withSecret } from "./accounts.ts";
import { claimsOf, encodePart, sign, signConfused, withAssertion } from "./assertions.ts";

let victor: Accounts;
let mallory: Accounts;

beforeAll(async () => {
  victor = await settle("Victor", "ES256");
  mallory = await settle("Mallory", "RS256");
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
