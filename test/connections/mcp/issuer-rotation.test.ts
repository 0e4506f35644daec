import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { createLocalJWKSet, jwtVerify } from "jose";
import { describe, expect, it } from "vitest";
import { listIssuerKeys, signAsIssuer } from "../../../shared/auth/issuer-key.ts";
import { openKeyring, parseKeys } from "../../../shared/auth/keyring.ts";
import { exchangeToken } from "../../../workers/connections/oauth/exchange.ts";
import { app } from "../../../workers/gateway/app.ts";
import { apiOf, control, stats } from "./exchange-world.ts";

const NEW_KEY = "another-key-long-enough-for-anybody-0123456789";
const OLD_KEY = env.ISSUER_SIGNING_KEY;

/** The Worker with other keys; `undefined` removes one. */
function deployWith(changes: Record<string, string | undefined>) {
  const changed = Object.fromEntries(
    Object.entries({ ...env, ...changes }).filter(([, value]) => value !== undefined),
  ) as unknown as Env;
  return {
    async keys() {
      const ctx = createExecutionContext();
      const request = new Request(new URL("/.well-known/jwks.json", env.PUBLIC_URL));
      const response = await app.fetch(request, changed, ctx);
      await waitOnExecutionContext(ctx);
      return await response.json<{ keys: { kid: string }[] }>();
    },
    exchange: () =>
      exchangeToken(changed, {
        connection: "turning",
        person: "user_ann",
        entry: apiOf("turning", { client_id: "gatehouse" }),
        caller: { sub: "user_ann", role: "admin", isKey: false },
      }),
  };
}

/** The other side reads the key set of this deployment. */
const letRead = async ({ keys }: ReturnType<typeof deployWith>) =>
  control("turning", { issuer: env.PUBLIC_URL, set: await keys() }, "keys");

describe("rotating ISSUER_SIGNING_KEY", () => {
  const before = deployWith({});
  const during = deployWith({ ISSUER_SIGNING_KEY_2: NEW_KEY });
  const after = deployWith({ ISSUER_SIGNING_KEY: undefined, ISSUER_SIGNING_KEY_2: NEW_KEY });

  it("publishes both keys through the overlap, signs with the new one, and takes the old one away afterwards", async () => {
    await control("turning", { client: { id: "gatehouse" } });
    const [old] = (await before.keys()).keys;
    const [newest, second, ...none] = (await during.keys()).keys;
    expect([second?.kid, none]).toEqual([old?.kid, []]);
    expect(newest?.kid).not.toBe(old?.kid);
    expect((await after.keys()).keys).toEqual([newest]);
    await letRead(before);
    await before.exchange();
    // A verifier that has not read the set again does not know the key, and reads it then (as jose and Keycloak do).
    await expect(during.exchange()).rejects.toThrow("does not take Gatehouse as this client");
    await letRead(during);
    await during.exchange();
    await before.exchange();
    await after.exchange();
    const { assertions } = await stats("turning");
    const kids = assertions.map(({ header }) => header.kid);
    expect(kids).toEqual([old?.kid, newest?.kid, old?.kid, newest?.kid]);
    await letRead(after);
    await expect(before.exchange()).rejects.toThrow("does not take Gatehouse as this client");
  });

  it("has no gap for a verifier that reads keys seldom, when the new one is published before it signs", async () => {
    const announced = deployWith({ ISSUER_SIGNING_KEY: `1:${OLD_KEY},2:${NEW_KEY}` });
    const signing = deployWith({ ISSUER_SIGNING_KEY: `2:${NEW_KEY},1:${OLD_KEY}` });
    const kidsOf = async ({ keys }: typeof announced) => (await keys()).keys.map(({ kid }) => kid);
    const [old = "", next = ""] = await kidsOf(announced);
    expect(await kidsOf(signing)).toEqual([next, old]);
    await letRead(announced);
    await announced.exchange();
    await signing.exchange();
    const kids = (await stats("turning")).assertions.slice(-2).map(({ header }) => header.kid);
    expect(kids).toEqual([old, next]);
  });

  it("makes the same key of the same secret, and signs what anyone can verify with the set", async () => {
    const parsed = parseKeys(OLD_KEY);
    const [first] = typeof parsed === "string" ? [] : parsed;
    if (first === undefined) throw new Error("The local secret is malformed.");
    const set = await listIssuerKeys([first]);
    expect(set).toEqual(await listIssuerKeys(openKeyring(env, "ISSUER_SIGNING_KEY")));
    const claims = { iss: env.PUBLIC_URL, sub: "user_ann", aud: "https://there.example" };
    const token = await signAsIssuer([first], claims, 60);
    const { payload } = await jwtVerify(token, createLocalJWKSet(set), { audience: claims.aud });
    expect(payload).toMatchObject(claims);
    const [other] = (await listIssuerKeys([{ version: 2, secret: NEW_KEY }])).keys;
    const { kid: _own, ...unnamed } = other ?? {};
    await expect(jwtVerify(token, createLocalJWKSet({ keys: [unnamed as never] }))).rejects.toThrow();
  });
});
