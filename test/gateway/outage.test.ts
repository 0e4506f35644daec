import { createExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { auth as authV2 } from "@modelcontextprotocol/client";
import { auth as authV1, type OAuthClientProvider } from "@modelcontextprotocol/sdk/client/auth.js";
import type { OAuthTokens } from "@modelcontextprotocol/sdk/shared/auth.js";
import { describe, expect, it } from "vitest";
import { app } from "../../workers/gateway/app.ts";
import {
  authorize,
  connect,
  createPerson,
  PASSWORD,
  REDIRECT_URI,
  registerClient,
  signIn,
} from "../support/oauth.ts";

/** A binding of which every method fails. */
function failing(message: string): unknown {
  return new Proxy(
    {},
    {
      get: () => () => {
        throw new Error(message);
      },
    },
  );
}

const AWAY: Readonly<Record<string, object>> = {
  "the database": {
    PLATFORM_DB: failing("D1_ERROR: Internal error in D1 DB storage caused object to be reset."),
  },
  "the database, in words of its own": { PLATFORM_DB: failing("connection refused") },
  KV: { OAUTH_KV: failing("KV GET failed: 500 Internal Server Error") },
  "the objects of people": { PRINCIPAL: failing("Durable Object storage operation exceeded timeout") },
  "the objects of grants": { GRANT_STORE: failing("Network connection lost.") },
};

const send = (request: Request, changes: object = {}) =>
  app.fetch(request, { ...env, ...changes } as Env, createExecutionContext());

const at = (path: string) => new URL(path, env.PUBLIC_URL);

async function expectLater(response: Response): Promise<void> {
  expect(response.status).toBe(503);
  expect(Number(response.headers.get("Retry-After"))).toBeGreaterThan(0);
  expect(response.headers.get("Cache-Control")).toBe("no-store");
  expect(await response.json()).toEqual({
    error: "temporarily_unavailable",
    error_description: expect.any(String),
  });
}

describe.each(Object.entries(AWAY))("during an outage of %s", (_what, changes) => {
  it("a refresh gets a retry response, and works after the outage", async () => {
    const { refreshToken, clientId } = await connect(await createPerson("viewer"));
    const refresh = () =>
      new Request(at("/oauth/token"), {
        method: "POST",
        body: new URLSearchParams({
          grant_type: "refresh_token",
          refresh_token: refreshToken,
          client_id: clientId,
        }),
      });
    await expectLater(await send(refresh(), changes));
    expect((await send(refresh())).status).toBe(200);
  });

  it("a revocation works after the outage, and in that of the database", async () => {
    const { accessToken, refreshToken, clientId } = await connect(await createPerson("viewer"));
    const revoke = () =>
      new Request(at("/oauth/token"), {
        method: "POST",
        body: new URLSearchParams({ token: refreshToken, client_id: clientId }),
      });
    if ("PLATFORM_DB" in changes) {
      expect((await send(revoke(), changes)).status).toBe(200);
    } else {
      await expectLater(await send(revoke(), changes));
      expect((await send(revoke())).status).toBe(200);
    }
    const call = new Request(at("/mcp"), {
      method: "POST",
      headers: { Authorization: `Bearer ${accessToken}` },
    });
    expect((await send(call)).status).toBe(401);
  });
});

describe("a client that registers", () => {
  const register = () =>
    new Request(at("/oauth/register"), {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ redirect_uris: [REDIRECT_URI], token_endpoint_auth_method: "none" }),
    });

  it.each(["KV", "the objects of people"])("gets a retry response while this is away: %s", async (what) => {
    await expectLater(await send(register(), AWAY[what]));
    expect((await send(register())).status).toBe(201);
  });

  it("needs no database", async () => {
    expect((await send(register(), AWAY["the database"])).status).toBe(201);
  });
});

const getPage = (what: string, path: string, cookie: string, form?: Record<string, string>) =>
  send(
    new Request(at(path), {
      method: form ? "POST" : "GET",
      headers: { Accept: "text/html", Cookie: cookie, Origin: env.PUBLIC_URL },
      ...(form && { body: new URLSearchParams(form) }),
      redirect: "manual",
    }),
    AWAY[what],
  );

async function expectPage(response: Response): Promise<void> {
  expect(response.status).toBe(503);
  expect(response.headers.get("Retry-After")).toBe("5");
  expect(response.headers.get("Content-Type")).toContain("text/html");
  expect(await response.text()).toContain("Try again in a moment");
}

describe("while a user connects an app", () => {
  it.each(["the database", "the database, in words of its own", "KV"])(
    "the consent page says to try again and does not send them to sign-in: %s is away",
    async (what) => {
      const browser = await signIn(await createPerson("viewer"));
      const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
      const { path } = await authorize(await registerClient());
      await expectPage(await getPage(what, path, cookie));
    },
  );

  it.each(["the database", "the database, in words of its own"])(
    "sign-in and the account page say to try again, and not that the password is wrong: %s is away",
    async (what) => {
      const person = await createPerson("viewer");
      const browser = await signIn(person);
      const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
      await expectPage(await getPage(what, "/sign-in", "", { email: person.email, password: PASSWORD }));
      await expectPage(await getPage(what, "/sign-in", cookie));
      await expectPage(await getPage(what, "/account", cookie));
    },
  );
});

describe.each([
  ["1.32.2", authV1],
  ["2.4.0", authV2 as unknown as typeof authV1],
])("the official SDK %s", (_version, auth) => {
  it("keeps its grant through two outages, without a redirect", async () => {
    const { refreshToken, accessToken, clientId } = await connect(await createPerson("viewer"));
    let tokens: OAuthTokens = {
      access_token: accessToken,
      refresh_token: refreshToken,
      token_type: "Bearer",
    };
    const redirects: URL[] = [];
    const forgotten: string[] = [];
    const provider: OAuthClientProvider = {
      redirectUrl: REDIRECT_URI,
      clientMetadata: { redirect_uris: [REDIRECT_URI] },
      clientInformation: () => ({ client_id: clientId, issuer: env.PUBLIC_URL }) as { client_id: string },
      tokens: () => tokens,
      saveTokens: (given) => {
        tokens = given;
      },
      redirectToAuthorization: (url) => void redirects.push(url),
      saveCodeVerifier: () => {},
      codeVerifier: () => "",
      invalidateCredentials: (scope) => void forgotten.push(scope),
    };
    const run = (changes: object = {}) =>
      auth(provider, {
        serverUrl: `${env.PUBLIC_URL}/mcp`,
        fetchFn: async (url, init) => send(new Request(url, init as RequestInit), changes),
      });
    expect(await run()).toBe("AUTHORIZED");
    for (const changes of Object.values(AWAY)) await expect(run(changes)).rejects.toThrow();
    const before = tokens.refresh_token;
    expect(await run()).toBe("AUTHORIZED");
    expect(tokens.refresh_token).not.toBe(before);
    expect([redirects, forgotten]).toEqual([[], []]);
  });
});
