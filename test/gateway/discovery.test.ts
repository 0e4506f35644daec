import { env, exports } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { listServers } from "../../workers/servers.ts";
import { callMcp } from "../support/oauth.ts";

const get = (path: string, headers: Record<string, string> = {}) =>
  exports.default.fetch(new URL(path, env.PUBLIC_URL), { headers });

const paths = ["/mcp", ...listServers().map((server) => `/mcp/${server.name}`)];

describe("discovery", () => {
  it.each(paths)(
    "leads from the 401 of %s to its metadata and on to the authorization server",
    async (path) => {
      const refused = await callMcp(path);
      expect(refused.status).toBe(401);
      const challenge = refused.headers.get("WWW-Authenticate") ?? "";
      const metadataUrl = /resource_metadata="([^"]+)"/.exec(challenge)?.[1] ?? "";
      expect(metadataUrl).toBe(`${env.PUBLIC_URL}/.well-known/oauth-protected-resource${path}`);

      const metadata = await (await get(metadataUrl)).json<Record<string, unknown>>();
      expect(metadata.resource).toBe(`${env.PUBLIC_URL}${path}`);
      expect(metadata.authorization_servers).toEqual([env.PUBLIC_URL]);
      const baseline = listServers()
        .filter((server) => path === "/mcp" || path === `/mcp/${server.name}`)
        .map((server) => server.baseline);
      expect(metadata.scopes_supported).toEqual(baseline);
      expect(challenge).toContain(`scope="${baseline.join(" ")}"`);
    },
  );

  it("describes the authorization server: S256 only, CIMD, registration, revocation, issuer in responses", async () => {
    const response = await get("/.well-known/oauth-authorization-server");
    const metadata = await response.json<Record<string, unknown>>();
    expect(metadata).toMatchObject({
      issuer: env.PUBLIC_URL,
      authorization_endpoint: `${env.PUBLIC_URL}/authorize`,
      token_endpoint: `${env.PUBLIC_URL}/oauth/token`,
      registration_endpoint: `${env.PUBLIC_URL}/oauth/register`,
      revocation_endpoint: `${env.PUBLIC_URL}/oauth/token`,
      code_challenge_methods_supported: ["S256"],
      response_types_supported: ["code"],
      client_id_metadata_document_supported: true,
      authorization_response_iss_parameter_supported: true,
      protected_resources: paths.map((path) => `${env.PUBLIC_URL}${path}`),
    });
    expect(metadata.scopes_supported).toEqual(listServers().flatMap((server) => Object.keys(server.scopes)));
    expect(metadata.grant_types_supported).toEqual([
      "authorization_code",
      "refresh_token",
      "client_credentials",
    ]);
  });

  it.each([
    "/.well-known/openid-configuration",
    "/.well-known/oauth-authorization-server/mcp/crm",
    "/.well-known/oauth-protected-resource",
    "/.well-known/oauth-protected-resource/mcp/nothing",
    "/.well-known/change-password",
    "/mcp/nothing",
  ])("answers %s with a JSON 404, also to a browser", async (path) => {
    const response = await get(path, { Accept: "text/html" });
    expect(response.status).toBe(404);
    expect(response.headers.get("Content-Type")).toContain("application/json");
    expect((await response.json<{ error: { code: string } }>()).error.code).toBe("not_found");
  });

  it("refuses an OAuth request larger than 64 KiB", async () => {
    const response = await exports.default.fetch(new URL("/oauth/token", env.PUBLIC_URL), {
      method: "POST",
      body: new URLSearchParams({ grant_type: "refresh_token", refresh_token: "x".repeat(70_000) }),
    });
    expect(response.status).toBe(413);
  });
});
