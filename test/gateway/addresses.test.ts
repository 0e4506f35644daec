import { env, exports } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { findBadOrigins, isAllowedOrigin } from "../../workers/gateway/mcp/origins.ts";
import {
  authorize,
  callMcp,
  createPerson,
  decide,
  openConsent,
  REDIRECT_URI,
  registerClient,
  requestToken,
  signIn,
} from "../support/oauth.ts";
import { issueToken } from "../support/token.ts";

const send = (path: string, init: RequestInit = {}) =>
  exports.default.fetch(new URL(path, env.PUBLIC_URL), { redirect: "manual", ...init });

const preflight = (path: string, origin: string) =>
  send(path, {
    method: "OPTIONS",
    headers: {
      Origin: origin,
      "Access-Control-Request-Method": "POST",
      "Access-Control-Request-Headers": "authorization, content-type, mcp-protocol-version",
    },
  });

describe("pages that use MCP from a browser", () => {
  const setting = (ALLOWED_ORIGINS: string) => ({ PUBLIC_URL: "https://gate.example", ALLOWED_ORIGINS });

  it.each([
    "https://claude.ai",
    "https://vscode.dev",
    "https://chatgpt.com",
    "https://playground.ai.cloudflare.com",
    "vscode-file://vscode-app",
    "http://localhost:6274",
    "http://127.0.0.1:3000",
    "http://[::1]:3000",
  ])("answers preflight and request of %s", async (origin) => {
    const asked = await preflight("/mcp/crm", origin);
    expect([asked.status, asked.headers.get("access-control-allow-origin")]).toEqual([204, origin]);
    const { accessToken } = await issueToken({
      name: "page",
      role: "admin",
      server: "crm",
      scopes: ["crm:read"],
    });
    for (const authorization of ["", `Bearer ${accessToken}`]) {
      const { status, headers } = await send("/mcp/crm", {
        method: "POST",
        headers: {
          Host: new URL(env.PUBLIC_URL).host,
          Origin: origin,
          "Content-Type": "application/json",
          Accept: "application/json, text/event-stream",
          ...(authorization !== "" && { Authorization: authorization }),
        },
        body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" }),
      });
      expect(status).not.toBe(403);
      expect(headers.get("access-control-allow-origin")).toBe(origin);
    }
  });

  it("refuses preflight and request of every other page alike, and names the setting", async () => {
    for (const origin of [
      "https://evil.example",
      "https://claude.ai.evil.example",
      "http://claude.ai",
      "null",
    ]) {
      for (const response of [
        await preflight("/mcp", origin),
        await preflight("/mcp/crm/", origin),
        await send("/mcp", { method: "POST", headers: { Origin: origin } }),
        await send("/mcp/crm", { headers: { Origin: origin } }),
      ]) {
        expect([origin, response.status]).toEqual([origin, 403]);
        expect(await response.text()).toContain("ALLOWED_ORIGINS");
      }
    }
  });

  it.each<[string, string, boolean]>([
    ["https://a.example", "https://a.example", true],
    ["https://a.example", "https://a.example:8443", false],
    ["https://*.a.example", "https://b.a.example", true],
    ["https://*.a.example", "https://a.example", false],
    ["https://*.a.example", "https://evila.example", false],
    ["https://*.a.example", "http://b.a.example", false],
    ["chrome-extension://*", "chrome-extension://abcdef", true],
    ["chrome-extension://*", "moz-extension://abcdef", false],
    ["*", "https://anything.example", true],
    ["", "https://anything.example", false],
    ["", "https://gate.example", true],
    ["", "http://localhost.evil.example", false],
  ])("reads the setting %j for %s as %s", (value, origin, allowed) => {
    expect(isAllowedOrigin(origin, setting(value))).toBe(allowed);
  });

  it("names the entries of the setting that are no valid origin", () => {
    expect(
      findBadOrigins("https://a.example a.example https://a.example/ https://* * chrome-extension://*"),
    ).toEqual(["a.example", "https://a.example/", "https://*"]);
  });
});

describe("other spellings of the MCP addresses", () => {
  it("serves an address with a slash at its end like one without", async () => {
    const { accessToken } = await issueToken({
      name: "slash",
      role: "admin",
      server: "crm",
      scopes: ["crm:read"],
    });
    expect((await callMcp("/mcp/crm/", accessToken)).status).toBe(200);
    const challenge = await callMcp("/mcp/");
    expect(challenge.status).toBe(401);
    expect(challenge.headers.get("www-authenticate")).toContain(
      `${env.PUBLIC_URL}/.well-known/oauth-protected-resource/mcp"`,
    );
    const metadata = await send("/.well-known/oauth-protected-resource/mcp/crm/");
    expect((await metadata.json<{ resource: string }>()).resource).toBe(`${env.PUBLIC_URL}/mcp/crm`);
  });

  it("accepts a resource with a slash at its end as the same resource", async () => {
    const browser = await signIn(await createPerson("viewer"));
    const changes = { resource: `${env.PUBLIC_URL}/mcp/crm/` };
    const pending = await authorize(await registerClient(), { changes });
    expect((await openConsent(browser, pending)).html).toContain(`${env.PUBLIC_URL}/mcp/crm<`);
  });

  it.each([
    ["POST", "/", "/mcp"],
    ["POST", "/MCP", "/mcp"],
    ["GET", "/MCP", "/mcp"],
    ["POST", "/Mcp/CRM/", "/mcp/crm"],
    ["POST", "/sse", "/mcp"],
    ["GET", "/sse", "/mcp"],
    ["POST", "/v1/mcp", "/mcp"],
    ["POST", "/messages", "/mcp"],
  ])("answers %s %s with the address of MCP", async (method, path, right) => {
    const response = await send(path, {
      method,
      headers: { "Content-Type": "application/json", Origin: "https://app.example" },
      ...(method === "POST" && { body: "{}" }),
    });
    expect(response.status).toBe(404);
    expect(response.headers.get("access-control-allow-origin")).toBe("*");
    const { error } = await response.json<{ error: { message: string } }>();
    expect(error.message).toContain(`${env.PUBLIC_URL}${right}.`);
  });

  it("still shows the home page to a browser", async () => {
    const response = await send("/", { headers: { Accept: "text/html" } });
    expect([response.status, response.headers.get("content-type")?.startsWith("text/html")]).toEqual([
      200,
      true,
    ]);
  });
});

describe("clients that name no resource", () => {
  it("get instructions at another URL, and are not sent to sign in once more", async () => {
    const browser = await signIn(await createPerson("viewer"));
    const pending = await authorize(await registerClient(), { changes: { resource: undefined } });
    const allowed = await decide(browser, pending, await openConsent(browser, pending), "allow");
    const { body } = await requestToken({
      grant_type: "authorization_code",
      code: new URL(allowed.headers.get("Location") ?? "about:blank").searchParams.get("code") ?? "",
      client_id: pending.clientId,
      redirect_uri: REDIRECT_URI,
      code_verifier: pending.verifier,
    });
    const accessToken = body.access_token;
    const response = await callMcp("/mcp/crm", accessToken);
    expect(response.status).toBe(403);
    const { error_description } = await response.json<{ error_description: string }>();
    expect(error_description).toContain(`Connect the client to ${env.PUBLIC_URL}/mcp`);
    expect((await callMcp("/mcp", accessToken)).status).toBe(200);
  });

  it("get access to the URL of all servers", async () => {
    const browser = await signIn(await createPerson("viewer"));
    for (const resource of [undefined, ""]) {
      const pending = await authorize(await registerClient(), { changes: { resource } });
      expect((await openConsent(browser, pending)).html).toContain(`${env.PUBLIC_URL}/mcp<`);
    }
  });

  it("get the resource in the challenge of each URL", async () => {
    for (const path of ["/mcp", "/mcp/crm"]) {
      const challenge = (await callMcp(path)).headers.get("www-authenticate") ?? "";
      const [, url = ""] = /resource_metadata="([^"]+)"/.exec(challenge) ?? [];
      const metadata = await (await exports.default.fetch(url)).json<{ resource: string }>();
      expect(metadata.resource).toBe(`${env.PUBLIC_URL}${path}`);
    }
  });
});
