import { env } from "cloudflare:workers";
import { exportJWK, exportSPKI } from "jose";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { awaitEvents } from "../audit/trail.ts";
import { callMcp, createPerson, requestToken, signIn, type TestBrowser } from "../support/oauth.ts";
import { openSession } from "../support/session.ts";
import { setSignIn } from "../support/single-sign-on.ts";
import { encodePart, makeSigner, publishAs, type Signer, sign, signConfused } from "./assertions.ts";
import { type MadeKey, makeKey, revoke, rotate } from "./make-key.ts";

/** A forge and a cluster, as the policy trusts them, and an issuer that it does not know. */
const FORGE = "https://token.forge.example";
const CLUSTER = "https://cluster.example/id/7";
const STRANGER = "https://stranger.example";
const JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer";

let forge: Signer;
let cluster: Signer;
let stranger: Signer;
let person: { id: string };
let browser: TestBrowser;
let reports: MadeKey;
let pods: MadeKey;
let plain: MadeKey;

/** What each address answers; no other is asked. */
const published = new Map<string, () => unknown>();
let asked: string[] = [];

beforeAll(async () => {
  [forge, cluster, stranger] = [
    await makeSigner("RS256"),
    await makeSigner("ES256"),
    await makeSigner("RS256"),
  ];
  const victor = await createPerson("sales", "Victor");
  person = victor;
  browser = await signIn(victor);
  reports = await makeKey(browser, { proof: "workload", name: "Reports" });
  pods = await makeKey(browser, { proof: "workload", name: "Pods", scopes: ["crm:read"] });
  plain = await makeKey(browser);
});

beforeEach(async () => {
  asked = [];
  published.clear();
  const forgeKeys = { keys: [await publishAs(forge, "forge-1")] };
  const clusterKeys = { keys: [await publishAs(cluster, "pod")] };
  published.set(`${FORGE}/.well-known/openid-configuration`, () => ({
    issuer: FORGE,
    jwks_uri: `${FORGE}/keys`,
  }));
  published.set(`${FORGE}/keys`, () => forgeKeys);
  published.set("https://bucket.example/keys.json", () => clusterKeys);
  vi.spyOn(globalThis, "fetch").mockImplementation(async (input) => {
    const url = input instanceof Request ? input.url : String(input);
    asked.push(url);
    const answer = published.get(url);
    if (answer === undefined) throw new TypeError(`Unexpected request to ${url}`);
    return Response.json(answer());
  });
  setSignIn({
    workloads: {
      forge: {
        issuer: FORGE,
        rules: [
          { account: reports.id, when: { repository: ["acme/reports"], ref: ["refs/heads/main"] } },
          { account: plain.id, when: { repository: ["acme/plain"] } },
          { account: `key_${"0".repeat(24)}`, when: { repository: ["acme/gone"] } },
        ],
      },
      cluster: {
        issuer: CLUSTER,
        keys: "https://bucket.example/keys.json",
        reuse: "until_expiry",
        rules: [{ account: pods.id, when: { sub: ["system:serviceaccount:reports:nightly"] } }],
      },
    },
  });
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});
afterAll(() => setSignIn({}));

const job = () => ({
  iss: FORGE,
  sub: "repo:acme/reports:ref:refs/heads/main",
  aud: env.PUBLIC_URL,
  repository: "acme/reports",
  ref: "refs/heads/main",
});
const pod = () => ({ iss: CLUSTER, sub: "system:serviceaccount:reports:nightly", aud: [env.PUBLIC_URL] });
const KID = { kid: "forge-1", typ: "JWT" };

const exchange = (assertion: string, fields: Record<string, string> = {}) =>
  requestToken({ grant_type: JWT_BEARER, assertion, resource: `${env.PUBLIC_URL}/mcp/crm`, ...fields });

describe("a workload of a trusted issuer", () => {
  it("calls as the service account of the first rule that fits, and the trail says which workload it was", async () => {
    const { status, body } = await exchange(await sign(forge, job(), { header: KID }), { scope: "crm:read" });
    expect(body.error).toBeUndefined();
    expect([status, body.scope, body.expires_in]).toEqual([200, "crm:read", 900]);
    const token = { accessToken: body.access_token, clientId: reports.id };
    const session = await openSession({ server: "crm", lane: "stateless", token });
    expect((await session.call("crm_list_tasks")).isError).toBe(false);
    const events = await awaitEvents(person.id, 5);
    expect(events.filter(({ type }) => type === "assertion")).toMatchObject([
      { by: "workload", clientId: reports.id, issuer: FORGE, subject: job().sub },
    ]);
    expect(events.filter(({ type }) => type === "intent")).toMatchObject([{ clientId: reports.id }]);
  });

  it("of eight requests with one token, one is given, unless the issuer's tokens are used until they end", async () => {
    const once = await sign(forge, job(), { header: KID });
    const answers = await Promise.all(Array.from({ length: 8 }, () => exchange(once)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect((await exchange(once)).body.error).toBe("invalid_grant");
    const mounted = await sign(cluster, pod(), { header: { kid: "pod" }, without: ["jti"] });
    for (const _ of [1, 2]) expect((await exchange(mounted)).status).toBe(200);
    vi.setSystemTime(Date.now() + 4 * 60_000);
    expect((await exchange(mounted)).body.error).toBe("invalid_grant");
  });

  it("is known by a key that the issuer has begun to use, and not by one that it has removed", async () => {
    const next = await makeSigner("RS256");
    expect((await exchange(await sign(forge, job(), { header: KID }))).status).toBe(200);
    const both = { keys: [await publishAs(forge, "forge-1"), await publishAs(next, "forge-2")] };
    published.set(`${FORGE}/keys`, () => both);
    vi.setSystemTime(Date.now() + 31_000);
    const byNext = async () => exchange(await sign(next, job(), { header: { kid: "forge-2" } }));
    expect((await byNext()).status).toBe(200);
    const last = { keys: [await publishAs(next, "forge-2")] };
    published.set(`${FORGE}/keys`, () => last);
    vi.setSystemTime(Date.now() + 11 * 60_000);
    expect((await byNext()).status).toBe(200);
    expect((await exchange(await sign(forge, job(), { header: KID }))).body.error).toBe("invalid_grant");
  });

  it("does not make the issuer's keys be read for every unknown name of a key", async () => {
    vi.setSystemTime(Date.now() + 30 * 60_000);
    expect((await exchange(await sign(forge, job(), { header: KID }))).status).toBe(200);
    asked = [];
    for (const kid of ["a", "b", "c", "d", "e", "f"]) {
      expect((await exchange(await sign(stranger, job(), { header: { kid } }))).body.error).toBe(
        "invalid_grant",
      );
    }
    expect(asked.length).toBeLessThanOrEqual(1);
  });

  it("waits while the issuer is away, and its account is refused when it is revoked", async () => {
    vi.setSystemTime(Date.now() + 90 * 60_000);
    published.delete(`${FORGE}/.well-known/openid-configuration`);
    const away = await exchange(await sign(forge, job(), { header: KID }));
    expect([away.status, away.body.error]).toEqual([503, "temporarily_unavailable"]);
    vi.useRealTimers();
    const account = await makeKey(browser, { proof: "workload", scopes: ["crm:read"] });
    const rules = [{ account: account.id, when: { sub: ["system:serviceaccount:reports:nightly"] } }];
    const keys = "https://bucket.example/keys.json";
    setSignIn({ workloads: { cluster: { issuer: CLUSTER, keys, reuse: "until_expiry", rules } } });
    const ask = async () => exchange(await sign(cluster, pod(), { header: { kid: "pod" } }));
    expect(await (await rotate(browser, account.id, "0")).text()).toContain("Rotated");
    const { body } = await ask();
    expect((await callMcp("/mcp/crm", body.access_token)).status).toBe(200);
    await revoke(browser, account.id);
    expect((await ask()).body.error).toBe("unauthorized_client");
    const token = { accessToken: body.access_token, clientId: account.id };
    const session = openSession({ server: "crm", lane: "stateless", token });
    const call = (await session).request("tools/call", { name: "crm_list_tasks", arguments: {} });
    expect((await call).status).toBe(401);
  });
});

describe("no token is given", () => {
  const now = () => Math.floor(Date.now() / 1000);
  const ofForge = (changes = {}, by: Signer = forge) => sign(by, job(), { header: KID, ...changes });

  it.each<[string, () => Promise<string>, string]>([
    [
      "for an issuer that the policy does not name",
      () => sign(stranger, { ...job(), iss: STRANGER }),
      "invalid_grant",
    ],
    ["for the trusted issuer's name on a stranger's signature", () => ofForge({}, stranger), "invalid_grant"],
    [
      "for one issuer's claims with the other's key",
      () => sign(cluster, job(), { header: { kid: "pod" } }),
      "invalid_grant",
    ],
    ["for the other issuer's kid", () => sign(forge, pod(), { header: { kid: "forge-1" } }), "invalid_grant"],
    ["for the issuer with a slash", () => ofForge({ claims: { iss: `${FORGE}/` } }), "invalid_grant"],
    [
      "for another tenant of the issuer",
      () => sign(cluster, { ...pod(), iss: "https://cluster.example/id/8" }, { header: { kid: "pod" } }),
      "invalid_grant",
    ],
    [
      "for the issuer in other letters",
      () => ofForge({ claims: { iss: FORGE.toUpperCase() } }),
      "invalid_grant",
    ],
    ["without an issuer", () => ofForge({ without: ["iss"] }), "invalid_grant"],
    ["for another audience", () => ofForge({ claims: { aud: "https://github.com/acme" } }), "invalid_grant"],
    [
      "for our address and another",
      () => ofForge({ claims: { aud: [env.PUBLIC_URL, "sts.amazonaws.com"] } }),
      "invalid_grant",
    ],
    [
      "for an MCP address of ours",
      () => ofForge({ claims: { aud: `${env.PUBLIC_URL}/mcp/crm` } }),
      "invalid_grant",
    ],
    ["without an audience", () => ofForge({ without: ["aud"] }), "invalid_grant"],
    ["after its end", () => ofForge({ claims: { iat: now() - 400, exp: now() - 61 } }), "invalid_grant"],
    ["before its begin", () => ofForge({ claims: { nbf: now() + 120 } }), "invalid_grant"],
    ["before its issue", () => ofForge({ claims: { iat: now() + 120, exp: now() + 200 } }), "invalid_grant"],
    ["for a token of a month", () => ofForge({ claims: { exp: now() + 30 * 86_400 } }), "invalid_grant"],
    [
      "for a token that began a month ago",
      () => ofForge({ claims: { iat: now() - 30 * 86_400 } }),
      "invalid_grant",
    ],
    ["without an end", () => ofForge({ without: ["exp"] }), "invalid_grant"],
    ["without a begin", () => ofForge({ without: ["iat"] }), "invalid_grant"],
    ["without a name that makes it count once", () => ofForge({ without: ["jti"] }), "invalid_grant"],
    ["without a subject", () => ofForge({ without: ["sub"] }), "invalid_grant"],
    ["for an access token", () => ofForge({ header: { ...KID, typ: "at+jwt" } }), "invalid_grant"],
    [
      "for a client's assertion",
      () => ofForge({ header: { ...KID, typ: "client-authentication+jwt" } }),
      "invalid_grant",
    ],
    [
      "for an unknown critical header",
      () => ofForge({ header: { ...KID, crit: ["x"], x: 1 } }),
      "invalid_grant",
    ],
    [
      "without a signature",
      async () =>
        `${encodePart({ alg: "none", kid: "forge-1" })}.${encodePart({ ...job(), iat: now(), exp: now() + 60, jti: "n" })}.`,
      "invalid_grant",
    ],
    [
      "for an HMAC with the published key",
      async () => signConfused(job(), await exportSPKI(forge.publicKey), { kid: "forge-1" }),
      "invalid_grant",
    ],
    [
      "for an HMAC with the published JSON",
      async () => signConfused(job(), JSON.stringify(await exportJWK(forge.publicKey)), { kid: "forge-1" }),
      "invalid_grant",
    ],
    [
      "for a key in the header",
      async () => sign(stranger, job(), { header: { ...KID, jwk: await exportJWK(stranger.publicKey) } }),
      "invalid_grant",
    ],
    [
      "for keys at an address in the header",
      () => sign(stranger, job(), { header: { kid: "x", jku: `${STRANGER}/keys` } }),
      "invalid_grant",
    ],
    [
      "for a kid that is a path",
      () => sign(stranger, job(), { header: { kid: "../../keys" } }),
      "invalid_grant",
    ],
    [
      "for changed claims",
      async () => {
        const [head, , mac] = (await ofForge()).split(".");
        return `${head}.${encodePart({ ...job(), ref: "refs/heads/main", iat: now(), exp: now() + 60, jti: "c" })}.${mac}`;
      },
      "invalid_grant",
    ],
    [
      "for another repository",
      () => ofForge({ claims: { repository: "mallory/reports" } }),
      "unauthorized_client",
    ],
    [
      "for a repository whose name only begins so",
      () => ofForge({ claims: { repository: "acme/reports-fork" } }),
      "unauthorized_client",
    ],
    ["for another branch", () => ofForge({ claims: { ref: "refs/pull/7/merge" } }), "unauthorized_client"],
    [
      "for claims in a list's string",
      () => ofForge({ claims: { repository: '["acme/reports"]' } }),
      "unauthorized_client",
    ],
    [
      "for a claim inside of another",
      () => ofForge({ claims: { repository: { name: "acme/reports" } } }),
      "unauthorized_client",
    ],
    [
      "as an account that has a secret",
      () => ofForge({ claims: { repository: "acme/plain" } }),
      "unauthorized_client",
    ],
    [
      "as an account that is gone",
      () => ofForge({ claims: { repository: "acme/gone" } }),
      "unauthorized_client",
    ],
    [
      "for another pod",
      () =>
        sign(cluster, { ...pod(), sub: "system:serviceaccount:other:nightly" }, { header: { kid: "pod" } }),
      "unauthorized_client",
    ],
    ["for text", async () => "not.a.token", "invalid_grant"],
    ["for nothing", async () => "", "invalid_grant"],
    ["for 20 kB", async () => "a".repeat(20_000), "invalid_grant"],
  ])("%s", async (_case, make, error) => {
    const { status, body } = await exchange(await make());
    expect([status, body.error, body.access_token]).toEqual([400, error, undefined]);
    expect(asked.filter((url) => url.startsWith(STRANGER))).toEqual([]);
  });

  it.each<[string, Record<string, string>, string]>([
    ["with the id of another account", { client_id: "key_000000000000000000000000" }, "unauthorized_client"],
    ["for scopes that the account has not", { scope: "knowledge:write analytics:read" }, "invalid_scope"],
    ["for an address that the account has not", { resource: `${env.PUBLIC_URL}/mcp` }, "invalid_target"],
  ])("%s", async (_case, fields, error) => {
    const { body } = await exchange(await sign(forge, job(), { header: KID }), fields);
    expect([body.error, body.access_token]).toEqual([error, undefined]);
  });

  it.each([
    ["keys are", { jwks_uri: "http://token.forge.example/keys" }],
    ["keys are", { jwks_uri: "https://127.0.0.1/keys" }],
    ["keys are", { jwks_uri: "https://metadata.internal/keys" }],
    ["another issuer is", { issuer: FORGE, jwks_uri: `${FORGE}/keys` }],
  ])("and nothing is asked where metadata says that %s: %j", async (_what, named) => {
    const issuer = `https://odd${named.jwks_uri.length}.example`;
    setSignIn({ workloads: { odd: { issuer, rules: [{ account: reports.id, when: { sub: ["a"] } }] } } });
    published.set(`${issuer}/.well-known/openid-configuration`, () => ({ issuer, ...named }));
    const assertion = await sign(forge, { ...job(), iss: issuer, sub: "a" }, { header: KID });
    expect((await exchange(assertion)).body.error).toBe("temporarily_unavailable");
    expect(asked).toEqual([`${issuer}/.well-known/openid-configuration`]);
  });
});
