import { env, exports } from "cloudflare:workers";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { splitStatements } from "../../shared/encoding/split-statements.ts";
import { addTeam } from "../../shared/people/teams.ts";
import { createPerson, registerConfidentialClient, signIn } from "../support/oauth.ts";
import { setSignIn } from "../support/single-sign-on.ts";
import { CRM } from "./accounts.ts";
import { claimsOf, makeSigner, publishAs, type Signer, sign, withAssertion } from "./assertions.ts";
import { type MadeKey, makeKey } from "./make-key.ts";

const ISSUER = "https://issuer.example";
const JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const NONE = `key_${"0".repeat(24)}`;

/** Accounts in every state in which a request must not tell them apart. */
let accounts: Record<"active" | "disabled" | "ended" | "unheld" | "otherProof", MadeKey>;
let signed: Record<"active" | "rotated" | "otherAlg" | "disabled" | "ended" | "noKey", string>;
let workloads: Record<"disabled" | "ended" | "otherProof", string>;
let own: Signer;
let issuer: Signer;
const published = new Map<string, unknown>();

const run = (sql: string, ...values: unknown[]) =>
  env.PLATFORM_DB.prepare(sql)
    .bind(...values)
    .run();
const end = (id: string) => run("UPDATE access_key_secret SET ends_at = 1 WHERE key_id = ?", id);
const disable = (id: string) => run(`UPDATE "user" SET "disabled" = 1 WHERE "id" = ?`, id);

beforeAll(async () => {
  [own, issuer] = [await makeSigner("ES256"), await makeSigner("ES256")];
  const rsa = await makeSigner("RS256");
  const [person, gone] = [await createPerson("sales"), await createPerson("sales")];
  const [browser, goneBrowser] = [await signIn(person), await signIn(gone)];
  const publicKey = { proof: "public_key" as const, publicKey: own.pem };
  const workload = { proof: "workload" as const };
  const make = async (form: object, by = browser) => await makeKey(by, form);
  accounts = {
    active: await make({}),
    disabled: await make({}, goneBrowser),
    ended: await make({}),
    unheld: await make({}),
    otherProof: await make(publicKey),
  };
  signed = {
    active: accounts.otherProof.id,
    rotated: (await make(publicKey)).id,
    otherAlg: (await make({ proof: "public_key", publicKey: rsa.pem })).id,
    disabled: (await make(publicKey, goneBrowser)).id,
    ended: (await make(publicKey)).id,
    noKey: accounts.active.id,
  };
  workloads = {
    disabled: (await make(workload, goneBrowser)).id,
    ended: (await make(workload)).id,
    otherProof: accounts.active.id,
  };
  const team = { id: "team_empty", name: "Empty", role: "sales", group: null, at: new Date() };
  await env.PLATFORM_DB.batch(splitStatements(addTeam(team)).map((sql) => env.PLATFORM_DB.prepare(sql)));
  await run("UPDATE access_key SET owner = 'team_empty' WHERE id = ?", accounts.unheld.id);
  await run(
    `INSERT INTO access_key_secret (digest, key_id, hint, created_at, ends_at, public_key)
     SELECT 'second', key_id, 'h', created_at + 1, ends_at, public_key FROM access_key_secret WHERE key_id = ?`,
    signed.rotated,
  );
  for (const id of [accounts.ended.id, signed.ended, workloads.ended]) await end(id);
  await disable(gone.id);
  published.set(`${ISSUER}/.well-known/openid-configuration`, { issuer: ISSUER, jwks_uri: `${ISSUER}/keys` });
  published.set(`${ISSUER}/keys`, { keys: [await publishAs(issuer, "one")] });
});

beforeEach(() => {
  vi.spyOn(globalThis, "fetch").mockImplementation(async (input) => {
    const url = input instanceof Request ? input.url : String(input);
    if (!published.has(url)) throw new TypeError(`Unexpected request to ${url}`);
    return Response.json(published.get(url));
  });
});
afterEach(() => vi.restoreAllMocks());

/** What a client can observe of a refusal, and the work that it caused: reads of the database and of signatures. */
async function observe(fields: Record<string, string>, headers: Record<string, string> = {}) {
  const work: string[] = [];
  const database = Object.getPrototypeOf(env.PLATFORM_DB) as D1Database;
  const { prepare } = database;
  const reads = vi.spyOn(database, "prepare").mockImplementation(function (this: D1Database, sql: string) {
    // Which policy is in force is read every few seconds, by the first request of any client.
    if (!sql.includes("AS publication")) work.push(sql.trim().slice(0, 60));
    return prepare.call(this, sql);
  });
  const subtle = (["verify", "importKey", "digest"] as const).map((name) => {
    const original = crypto.subtle[name].bind(crypto.subtle) as (...args: unknown[]) => Promise<unknown>;
    return vi.spyOn(crypto.subtle, name).mockImplementation((async (...args: unknown[]) => {
      const [algorithm] = name === "importKey" ? [args[2]] : args;
      work.push(
        `${name} ${typeof algorithm === "string" ? algorithm : (algorithm as { name: string }).name}`,
      );
      return await original(...args);
    }) as never);
  });
  const response = await exports.default.fetch(new URL("/oauth/token", env.PUBLIC_URL), {
    method: "POST",
    headers,
    body: new URLSearchParams({ resource: CRM, ...fields }),
  });
  for (const spy of [reads, ...subtle]) spy.mockRestore();
  const { "x-request-id": _id, ...same } = Object.fromEntries(response.headers);
  return { status: response.status, headers: same, body: await response.text(), work };
}

type Observed = Awaited<ReturnType<typeof observe>>;

/** All are alike, and are a refusal with this error. */
function expectAlike(all: Record<string, Observed>, error: string): void {
  const [[, first] = ["", undefined], ...others] = Object.entries(all);
  expect(JSON.parse(first?.body ?? "{}").error).toBe(error);
  for (const [name, one] of others) expect({ name, ...one }).toEqual({ name, ...first });
}

describe("a client that guesses service accounts gets one answer for the same work", () => {
  it("with a secret: unknown, disabled, ended, without members, of another proof, and a wrong one", async () => {
    const wrong = (await makeKey(await signIn(await createPerson("sales")))).text;
    const ask = (client_id: string, client_secret: string) =>
      observe({ grant_type: "client_credentials", client_id, client_secret });
    const all: Record<string, Observed> = {
      "warm up": await ask(NONE, accounts.disabled.text),
      unknown: await ask(NONE, accounts.disabled.text),
      "wrong secret": await ask(accounts.active.id, wrong),
      "disabled, right secret": await ask(accounts.disabled.id, accounts.disabled.text),
      "ended, right secret": await ask(accounts.ended.id, accounts.ended.text),
      "without members, right secret": await ask(accounts.unheld.id, accounts.unheld.text),
      "of another proof": await ask(accounts.otherProof.id, wrong),
    };
    delete all["warm up"];
    expectAlike(all, "invalid_client");
    expect(all.unknown?.work.filter((one) => one.startsWith("SELECT access_key"))).toHaveLength(1);
  });

  it.each(["ES256", "RS256"] as const)(
    "with a signature of %s: unknown, disabled, ended, without a key, rotated, and signed by another key",
    async (alg) => {
      const forger = await makeSigner(alg);
      const ask = async (id: string) => observe(withAssertion(await sign(forger, claimsOf(id))));
      await ask(NONE);
      const all: Record<string, Observed> = { unknown: await ask(NONE) };
      for (const [name, id] of Object.entries(signed)) all[name] = await ask(id);
      expectAlike(all, "invalid_client");
      const verified = all.unknown?.work.filter((one) => one.startsWith("verify")) ?? [];
      expect(verified.length).toBeGreaterThan(0);
    },
  );

  it("as a workload: an account that is not there, is disabled, has ended, or has another proof", async () => {
    const ids = { unknown: NONE, ...workloads };
    const rules = Object.entries(ids).map(([name, account]) => ({ account, when: { sub: [name] } }));
    setSignIn({ workloads: { ci: { issuer: ISSUER, rules } } });
    const ask = async (sub: string) => {
      const token = { iss: ISSUER, sub, aud: env.PUBLIC_URL };
      return observe({
        grant_type: JWT_BEARER,
        assertion: await sign(issuer, token, { header: { kid: "one" } }),
      });
    };
    await ask("unknown");
    const all: Record<string, Observed> = {};
    for (const name of Object.keys(ids)) all[name] = await ask(name);
    expectAlike(all, "unauthorized_client");
  });

  it("as an app with an assertion about a person: unknown, disabled, of another provider; and as an app that is not known", async () => {
    const provider = {
      kind: "oidc" as const,
      title: "Corp",
      issuer: ISSUER,
      client_id: "gatehouse",
      id_jag: "accepted" as const,
      roles: [{ role: "sales", when: { groups: ["sales"] } }],
    };
    const other = {
      ...provider,
      title: "Other",
      issuer: "https://other.example",
      domains: ["people.example"],
    };
    setSignIn({ providers: { corp: provider, other } });
    const people = { disabled: await createPerson("sales"), foreign: await createPerson("sales") };
    for (const [subject, { id }] of Object.entries(people)) {
      await run("INSERT INTO federated_identity VALUES (?, ?, ?, 1, 1)", ISSUER, subject, id);
    }
    await run(`UPDATE "user" SET "email" = 'foreign@people.example' WHERE "id" = ?`, people.foreign.id);
    await disable(people.disabled.id);
    const { id: app, secret } = await registerConfidentialClient("App");
    const ask = async (sub: string, id = app, given = secret) => {
      const claims = {
        iss: ISSUER,
        sub,
        aud: env.PUBLIC_URL,
        resource: CRM,
        client_id: app,
        scope: "crm:read",
      };
      const header = { typ: "oauth-id-jag+jwt", kid: "one" };
      return observe(
        { grant_type: JWT_BEARER, assertion: await sign(issuer, claims, { header }) },
        { Authorization: `Basic ${btoa(`${id}:${given}`)}` },
      );
    };
    await ask("unknown");
    const all: Record<string, Observed> = {};
    for (const sub of ["unknown", "disabled", "foreign"]) all[sub] = await ask(sub);
    expectAlike(all, "invalid_grant");
    // The library looks an app up before it hashes: its answer is the same, and an app's id is public.
    const [unknown, wrong] = [await ask("unknown", "none"), await ask("unknown", app, "wrong")];
    expect([unknown.status, unknown.headers, unknown.body]).toEqual([
      wrong.status,
      wrong.headers,
      wrong.body,
    ]);
    expect(JSON.parse(wrong.body).error).toBe("invalid_client");
  });
});
