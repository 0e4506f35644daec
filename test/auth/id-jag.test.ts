import { env, exports } from "cloudflare:workers";
import { exportJWK, exportSPKI } from "jose";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { NO_ROLE } from "../../shared/people/federated.ts";
import { awaitEvents } from "../audit/trail.ts";
import { encodePart, makeSigner, publishAs, type Signer, sign, signConfused } from "../keys/assertions.ts";
import {
  type ConfidentialClient,
  callMcp,
  createPerson,
  registerClient,
  registerConfidentialClient,
  signIn,
  type TestPerson,
} from "../support/oauth.ts";
import { setSecondFactor } from "../support/policy.ts";
import { LANES, openSession } from "../support/session.ts";
import { setSignIn } from "../support/single-sign-on.ts";

const CORP = "https://login.corp.example/tenant-1";
const OTHER = "https://login.other.example";
const SILENT = "https://login.silent.example";
const JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const CRM = `${env.PUBLIC_URL}/mcp/crm`;

let corp: Signer;
let other: Signer;
let victor: TestPerson;
let mallory: TestPerson;
let assistant: ConfidentialClient;
let rogue: ConfidentialClient;

const published = new Map<string, unknown>();

async function link({ id }: TestPerson, issuer: string, subject: string): Promise<void> {
  await env.PLATFORM_DB.prepare("INSERT INTO federated_identity VALUES (?, ?, ?, 1, 1)")
    .bind(issuer, subject, id)
    .run();
}

const provider = (title: string, issuer: string, more: object) => ({
  kind: "oidc" as const,
  title,
  issuer,
  client_id: "gatehouse",
  roles: [{ role: "sales", when: { groups: ["sales"] } }],
  ...more,
});

beforeAll(async () => {
  [corp, other] = [await makeSigner("RS256"), await makeSigner("ES256")];
  [victor, mallory] = [await createPerson("sales", "Victor"), await createPerson("viewer", "Mallory")];
  await link(victor, CORP, "victor");
  await link(mallory, OTHER, "mallory");
  [assistant, rogue] = [
    await registerConfidentialClient("Corp Assistant"),
    await registerConfidentialClient("Rogue"),
  ];
  for (const [issuer, signer, kid] of [
    [CORP, corp, "corp-1"],
    [OTHER, other, "other-1"],
    [SILENT, corp, "corp-1"],
  ] as const) {
    published.set(`${issuer}/.well-known/openid-configuration`, { issuer, jwks_uri: `${issuer}/keys` });
    published.set(`${issuer}/keys`, { keys: [await publishAs(signer, kid)] });
  }
});

beforeEach(() => {
  vi.spyOn(globalThis, "fetch").mockImplementation(async (input) => {
    const url = input instanceof Request ? input.url : String(input);
    if (!published.has(url)) throw new TypeError(`Unexpected request to ${url}`);
    return Response.json(published.get(url));
  });
  setSignIn({
    providers: {
      corp: provider("Corp", CORP, { id_jag: "accepted", mfa: { amr: ["otp"] } }),
      other: provider("Other", OTHER, { id_jag: "accepted", domains: ["other.example"] }),
      silent: provider("Silent", SILENT, {}),
    },
  });
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});
afterAll(() => setSignIn({}));

/** What the person's provider says, when nothing is wrong. */
const grantOf = (changes: object = {}) => ({
  iss: CORP,
  sub: "victor",
  aud: env.PUBLIC_URL,
  resource: CRM,
  client_id: assistant.id,
  scope: "crm:read crm:write",
  ...changes,
});
const HEADER = { typ: "oauth-id-jag+jwt", kid: "corp-1" };
const idJag = (changes: object = {}, options = {}, by = corp) =>
  sign(by, grantOf(changes), { header: HEADER, ...options });

async function exchange(
  assertion: string,
  fields: Record<string, string> = {},
  app: ConfidentialClient | null = assistant,
) {
  const response = await exports.default.fetch(new URL("/oauth/token", env.PUBLIC_URL), {
    method: "POST",
    headers: app === null ? {} : { Authorization: `Basic ${btoa(`${app.id}:${app.secret}`)}` },
    body: new URLSearchParams({ grant_type: JWT_BEARER, assertion, resource: CRM, ...fields }),
  });
  const body = await response.json<Record<string, string>>();
  return { status: response.status, body, token: body.access_token ?? "" };
}

describe.each(LANES)("an app that a person's provider connects, on the %s lane", (lane) => {
  it("calls as this person, is named in the trail and on the account page, and ends when it is revoked", async () => {
    const { status, body, token } = await exchange(await idJag());
    expect(body.error_description).toBeUndefined();
    expect([status, body.scope, body.refresh_token]).toEqual([200, "crm:read crm:write", undefined]);
    const session = await openSession({
      server: "crm",
      lane,
      token: { accessToken: token, clientId: assistant.id },
    });
    expect((await session.call("crm_list_tasks")).isError).toBe(false);
    const events = await awaitEvents(victor.id, 3);
    expect(events.filter(({ type }) => type === "assertion").at(-1)).toMatchObject({
      by: "id_jag",
      clientId: assistant.id,
      issuer: CORP,
      subject: "victor",
    });
    const browser = await signIn(victor);
    const html = await (await browser.get("/account")).text();
    expect(html).toContain("Corp Assistant");
    expect(html).toContain("connected by Corp");
    const grant = token.split(":")[1] ?? "";
    await browser.post("/account/revoke", { grant });
    expect((await session.request("tools/call", { name: "crm_list_tasks", arguments: {} })).status).toBe(401);
  });
});

describe("an assertion of a person's provider", () => {
  it("of eight requests with one, one gets a token", async () => {
    const assertion = await idJag();
    const answers = await Promise.all(Array.from({ length: 8 }, () => exchange(assertion)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    vi.setSystemTime(Date.now() + 60_000);
    expect((await exchange(assertion)).body.error).toBe("invalid_grant");
  });

  it("gives no more than it says, than the client asks for, and than the role has", async () => {
    expect((await exchange(await idJag({ scope: "crm:read" }))).body.scope).toBe("crm:read");
    expect((await exchange(await idJag(), { scope: "crm:read knowledge:write" })).body.scope).toBe(
      "crm:read",
    );
    expect((await exchange(await idJag({}, { without: ["scope"] }))).body.scope).toBe("crm:read");
    const header = { ...HEADER, kid: "other-1" };
    const viewer = await idJag({ iss: OTHER, sub: "mallory" }, { header }, other);
    const { token, body } = await exchange(viewer);
    expect(body.scope).toBe("crm:read");
    expect((await callMcp("/mcp/crm", token)).status).toBe(200);
    expect((await callMcp("/mcp/knowledge", token)).status).toBe(401);
  });

  it("counts as second factor where the policy trusts its word, at the time that it states", async () => {
    setSecondFactor("sales", { required: true });
    try {
      const now = Math.floor(Date.now() / 1000);
      expect((await exchange(await idJag())).body.error).toBe("invalid_grant");
      expect((await exchange(await idJag({ amr: ["pwd"] }))).body.error).toBe("invalid_grant");
      expect((await exchange(await idJag({ amr: ["otp"], auth_time: now + 600 }))).body.error).toBe(
        "invalid_grant",
      );
      expect((await exchange(await idJag({ amr: ["otp"], auth_time: now - 90_000 }))).body.error).toBe(
        "invalid_grant",
      );
      expect((await exchange(await idJag({ amr: ["otp"], auth_time: "now" }))).body.error).toBe(
        "invalid_grant",
      );
      const { token } = await exchange(await idJag({ amr: ["otp"], auth_time: now - 60 }));
      const session = await openSession({
        server: "crm",
        lane: "stateless",
        token: { accessToken: token, clientId: assistant.id },
      });
      expect((await session.call("crm_list_tasks")).isError).toBe(false);
    } finally {
      setSecondFactor("sales", {});
    }
  });

  it("is announced in the metadata while a provider's assertions are accepted", async () => {
    const url = new URL("/.well-known/oauth-authorization-server", env.PUBLIC_URL);
    const read = async () => (await exports.default.fetch(url)).json<Record<string, string[]>>();
    const metadata = await read();
    expect(metadata.authorization_grant_profiles_supported).toEqual([
      "urn:ietf:params:oauth:grant-profile:id-jag",
    ]);
    expect(metadata.grant_types_supported).toContain(JWT_BEARER);
    setSignIn({ providers: { silent: provider("Silent", SILENT, {}) } });
    expect((await read()).grant_types_supported).not.toContain(JWT_BEARER);
    expect((await exchange(await idJag())).body.error).toBe("unsupported_grant_type");
  });
});

describe("no token is given", () => {
  const now = () => Math.floor(Date.now() / 1000);
  const OTHER_HEADER = { ...HEADER, kid: "other-1" };

  it.each<[string, () => Promise<string>, string]>([
    [
      "for a person whom the issuer calls as another issuer calls Victor",
      () => idJag({ iss: OTHER }, { header: OTHER_HEADER }, other),
      "invalid_grant",
    ],
    [
      "for one issuer's name on the other's signature",
      () => idJag({}, { header: OTHER_HEADER }, other),
      "invalid_grant",
    ],
    ["for the other's kid", () => idJag({}, { header: OTHER_HEADER }), "invalid_grant"],
    ["for an issuer whose assertions are refused", () => idJag({ iss: SILENT }), "invalid_grant"],
    [
      "for another tenant of the issuer",
      () => idJag({ iss: "https://login.corp.example/tenant-2" }),
      "invalid_grant",
    ],
    ["for the issuer with a slash", () => idJag({ iss: `${CORP}/` }), "invalid_grant"],
    ["for an issuer that is not known", () => idJag({ iss: "https://evil.example" }), "invalid_grant"],
    ["for a person who never signed in", () => idJag({ sub: "eve" }), "invalid_grant"],
    [
      "for Victor's e-mail address",
      () => idJag({ sub: "eve", email: victor.email, email_verified: true }),
      "invalid_grant",
    ],
    ["for Victor's id here", () => idJag({ sub: victor.id }), "invalid_grant"],
    ["for Victor in other letters", () => idJag({ sub: "Victor" }), "invalid_grant"],
    ["without a subject", () => idJag({}, { without: ["sub"] }), "invalid_grant"],
    ["for another server", () => idJag({ aud: "https://other-as.example" }), "invalid_grant"],
    [
      "for us and another server",
      () => idJag({ aud: [env.PUBLIC_URL, "https://other-as.example"] }),
      "invalid_grant",
    ],
    ["for the MCP address as audience", () => idJag({ aud: CRM }), "invalid_grant"],
    ["without an audience", () => idJag({}, { without: ["aud"] }), "invalid_grant"],
    ["for another app", () => idJag({ client_id: rogue.id }), "invalid_grant"],
    ["without an app", () => idJag({}, { without: ["client_id"] }), "invalid_grant"],
    [
      "for another resource of ours",
      () => idJag({ resource: `${env.PUBLIC_URL}/mcp/knowledge` }),
      "invalid_target",
    ],
    ["for a resource elsewhere", () => idJag({ resource: "https://evil.example/mcp" }), "invalid_target"],
    ["after its end", () => idJag({}, { claims: { iat: now() - 300, exp: now() - 61 } }), "invalid_grant"],
    ["before its begin", () => idJag({}, { claims: { nbf: now() + 120 } }), "invalid_grant"],
    [
      "before its issue",
      () => idJag({}, { claims: { iat: now() + 120, exp: now() + 200 } }),
      "invalid_grant",
    ],
    ["for an hour", () => idJag({}, { claims: { exp: now() + 3_600 } }), "invalid_grant"],
    ["without an end", () => idJag({}, { without: ["exp"] }), "invalid_grant"],
    ["without a name that makes it count once", () => idJag({}, { without: ["jti"] }), "invalid_grant"],
    ["as an ID token", () => idJag({}, { header: { ...HEADER, typ: "JWT" } }), "invalid_grant"],
    ["as an access token", () => idJag({}, { header: { ...HEADER, typ: "at+jwt" } }), "invalid_grant"],
    ["without a type", () => idJag({}, { header: { kid: "corp-1" } }), "invalid_grant"],
    [
      "without a signature",
      async () =>
        `${encodePart({ alg: "none", ...HEADER })}.${encodePart({ ...grantOf(), iat: now(), exp: now() + 60, jti: "n" })}.`,
      "invalid_grant",
    ],
    [
      "for an HMAC with the published key",
      async () => signConfused(grantOf(), await exportSPKI(corp.publicKey), HEADER),
      "invalid_grant",
    ],
    [
      "for a key in the header",
      async () => idJag({}, { header: { ...HEADER, jwk: await exportJWK(other.publicKey) } }, other),
      "invalid_grant",
    ],
    [
      "for keys at an address in the header",
      () => idJag({}, { header: { ...HEADER, kid: "x", jku: "https://evil.example/keys" } }, other),
      "invalid_grant",
    ],
    ["for a token that is bound to a key", () => idJag({ cnf: { jkt: "x" } }), "invalid_grant"],
    ["for scopes that the role has not", () => idJag({ scope: "knowledge:write" }), "invalid_grant"],
  ])("%s", async (_case, make, error) => {
    const { status, body, token } = await exchange(await make());
    expect([status, body.error, token]).toEqual([400, error, ""]);
  });

  it("to an app that does not authenticate, or is another", async () => {
    expect((await exchange(await idJag(), { client_id: assistant.id }, null)).body.error).toBe(
      "invalid_client",
    );
    expect((await exchange(await idJag(), {}, { ...assistant, secret: rogue.secret })).body.error).toBe(
      "invalid_client",
    );
    expect((await exchange(await idJag(), {}, rogue)).body.error).toBe("invalid_grant");
    const client_id = await registerClient();
    const answer = await exchange(await idJag({ client_id }), { client_id }, null);
    expect([answer.status, answer.body.error]).toEqual([401, "invalid_client"]);
  });

  it.each([
    ["is disabled", `UPDATE "user" SET "disabled" = 1 WHERE "id" = ?`],
    ["has no role any more", `UPDATE "user" SET "role" = '${NO_ROLE}' WHERE "id" = ?`],
    [
      "moved to the domain of another provider",
      `UPDATE "user" SET "email" = 'gone@other.example' WHERE "id" = ?`,
    ],
    [
      "signs in with another identity now",
      "UPDATE federated_identity SET subject = 'somebody-else' WHERE user_id = ?",
    ],
  ])("for a person who %s", async (state, sql) => {
    const person = await createPerson("sales");
    await link(person, CORP, state);
    expect((await exchange(await idJag({ sub: state }))).status).toBe(200);
    await env.PLATFORM_DB.prepare(sql).bind(person.id).run();
    expect((await exchange(await idJag({ sub: state }))).body.error).toBe("invalid_grant");
  });
});

it.each([
  ["metadata cannot be reached", "away-1", "/.well-known/openid-configuration"],
  ["keys cannot be reached", "away-2", "/keys"],
])("an assertion waits while its issuer's %s, and counts afterwards", async (_what, tenant, missing) => {
  const issuer = `https://login.corp.example/${tenant}`;
  setSignIn({ providers: { corp: provider("Corp", issuer, { id_jag: "accepted" }) } });
  await link(await createPerson("sales"), issuer, "victor");
  const pages = new Map<string, unknown>([
    ["/.well-known/openid-configuration", { issuer, jwks_uri: `${issuer}/keys` }],
    ["/keys", { keys: [await publishAs(corp, "corp-1")] }],
  ]);
  for (const [path, body] of pages) if (path !== missing) published.set(`${issuer}${path}`, body);
  const assertion = await idJag({ iss: issuer });
  const { status, body } = await exchange(assertion);
  expect([status, body.error]).toEqual([503, "temporarily_unavailable"]);
  published.set(`${issuer}${missing}`, pages.get(missing));
  expect((await exchange(assertion)).status).toBe(200);
});
