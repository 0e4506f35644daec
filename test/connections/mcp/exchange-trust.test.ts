import { env, exports } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { openKeyring } from "../../../shared/auth/keyring.ts";
import { apiOf, authOf, keySet, publishExchanged, trust, trustGatehouse } from "./exchange-world.ts";
import { command } from "./gateway.ts";

beforeAll(async () => {
  await trustGatehouse("told");
  await publishExchanged({ told: apiOf("told") });
});

describe("the command", () => {
  it("tests an HTTP API as a person, and says what the other side has to trust", async () => {
    const entry = apiOf("told", { audience: "told-api", client_id: "gatehouse", claims: ["email"] });
    const asked = { command: "test", connection: "told", entry, secret: null, new_address: true };
    const [key] = (await keySet()).keys;
    const trusted = {
      issuer: env.PUBLIC_URL,
      keys: `${env.PUBLIC_URL}/.well-known/jwks.json`,
      key_ids: [key?.kid],
      algorithm: "ES256",
      audience: trust("told"),
      claims: ["sub", "email"],
      token_endpoint: `${trust("told")}/token`,
      client: "gatehouse (private_key_jwt)",
    };
    expect(await command({ ...asked, person: "ZOE@people.example" })).toMatchObject({
      ok: true,
      report: { mistakes: [] },
      trust: trusted,
    });
    const without = await command(asked);
    expect(without).toMatchObject({ ok: false, failure: { code: "account_needed" }, trust: trusted });
    expect(without.failure.action).toContain("test <name> --person");
    expect(await command({ ...asked, person: "nil@people.example" })).toMatchObject({
      ok: false,
      failure: { code: "account_needed" },
    });
  });

  it("signs nothing for an address that no published connection has, without the operator's word", async () => {
    for (const changed of [
      authOf("told", { token_endpoint: "https://evil.example/token" }),
      authOf("told", { issuer: "https://honest.example" }),
    ]) {
      const entry = apiOf("told", changed);
      const asked = { command: "test", connection: "told", entry, secret: null, person: "user_zoe" };
      const answer = await command(asked);
      expect(answer).toMatchObject({ ok: false, failure: { code: "forbidden", attempt: "other_address" } });
      expect(answer.failure.message).toContain('What Gatehouse signs for "told" belongs to');
    }
  });
});

describe("the key set", () => {
  it("has public halves alone, is named by the metadata, and may be read by pages of other origins", async () => {
    const answer = await exports.default.fetch(new URL("/.well-known/jwks.json", env.PUBLIC_URL), {
      headers: { origin: "https://verifier.example" },
    });
    expect(answer.headers.get("content-type")).toBe("application/jwk-set+json");
    expect(answer.headers.get("cache-control")).toBe("public, max-age=300");
    expect(answer.headers.get("access-control-allow-origin")).toBe("*");
    const { keys } = await answer.json<{ keys: object[] }>();
    expect(keys.map((key) => Object.keys(key).sort())).toEqual([
      ["alg", "crv", "kid", "kty", "use", "x", "y"],
    ]);
    expect(JSON.stringify(keys)).not.toContain(openKeyring(env, "ISSUER_SIGNING_KEY")[0].secret);
    const metadata = await exports.default.fetch(
      new URL("/.well-known/oauth-authorization-server", env.PUBLIC_URL),
    );
    expect(await metadata.json()).toMatchObject({ jwks_uri: `${env.PUBLIC_URL}/.well-known/jwks.json` });
  });
});
