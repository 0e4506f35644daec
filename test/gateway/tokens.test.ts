import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { getOAuthServers } from "../../workers/gateway/oauth/oauth.ts";
import {
  authorize,
  callMcp,
  connect,
  createPerson,
  decide,
  exchangeCode,
  openConsent,
  registerClient,
  requestToken,
  signIn,
} from "../support/oauth.ts";

const refresh = (
  connection: { refreshToken: string; clientId: string },
  changes: Record<string, string> = {},
) =>
  requestToken({
    grant_type: "refresh_token",
    refresh_token: connection.refreshToken,
    client_id: connection.clientId,
    ...changes,
  });

const setPerson = (id: string, column: "role" | "disabled" | "name", value: string | number) =>
  env.PLATFORM_DB.prepare(`UPDATE "user" SET "${column}" = ? WHERE "id" = ?`).bind(value, id).run();

const propsOf = async (token: string) => {
  const api = (await getOAuthServers(env)).authorizationServer.getOAuthApi(env);
  return (await api.unwrapToken<Record<string, string>>(token))?.grant.props;
};

describe("an access token", () => {
  it("opens the URL it was issued for, lives half an hour, and names its resource", async () => {
    const person = await createPerson("viewer");
    const clientId = await registerClient();
    const browser = await signIn(person);
    const pending = await authorize(clientId, { resource: "/mcp/crm" });
    const answer = await decide(browser, pending, await openConsent(browser, pending), "allow");
    const code = new URL(answer.headers.get("Location") ?? "").searchParams.get("code") ?? "";
    const { body } = await exchangeCode(pending, code);
    expect(body).toMatchObject({
      expires_in: 1800,
      resource: `${env.PUBLIC_URL}/mcp/crm`,
      scope: "crm:read",
    });
    expect((await callMcp("/mcp/crm", body.access_token)).status).toBe(200);
  });

  it.each([
    ["/mcp/crm", "/mcp/knowledge"],
    ["/mcp/crm", "/mcp"],
    ["/mcp", "/mcp/crm"],
    ["/mcp/analytics", "/mcp/crm"],
  ])("for %s is refused at %s", async (issuedFor, presentedAt) => {
    const { accessToken } = await connect(await createPerson("admin"), { resource: issuedFor });
    const response = await callMcp(presentedAt, accessToken);
    expect(response.status).toBe(401);
    expect(response.headers.get("WWW-Authenticate")).toContain('error="invalid_token"');
  });

  it("carries the user's opaque id, e-mail, name, role and the time of a second factor, and nothing else", async () => {
    const person = await createPerson("sales", "Sal Sales");
    const { accessToken } = await connect(person, { resource: "/mcp/crm" });
    expect(await propsOf(accessToken)).toEqual({
      userId: person.id,
      email: person.email,
      name: "Sal Sales",
      role: "sales",
      mfaAt: null,
    });
    expect(accessToken).not.toContain(person.email);
  });

  it.each(["", "nonsense", "a:b:c"])("that was never issued (%j) is refused", async (token) => {
    expect((await callMcp("/mcp/crm", token)).status).toBe(401);
  });
});

describe("a code", () => {
  const pendingCode = async () => {
    const browser = await signIn(await createPerson("viewer"));
    const pending = await authorize(await registerClient(), { resource: "/mcp/crm" });
    const answer = await decide(browser, pending, await openConsent(browser, pending), "allow");
    return { pending, code: new URL(answer.headers.get("Location") ?? "").searchParams.get("code") ?? "" };
  };

  it("is refused with another verifier", async () => {
    const { pending, code } = await pendingCode();
    const { status, body } = await exchangeCode({ ...pending, verifier: "x".repeat(64) }, code);
    expect([status, body.error]).toEqual([400, "invalid_grant"]);
  });

  it("is refused for another resource", async () => {
    const { pending, code } = await pendingCode();
    const { status, body } = await exchangeCode(
      { ...pending, resource: `${env.PUBLIC_URL}/mcp/knowledge` },
      code,
    );
    expect([status, body.error]).toEqual([400, "invalid_target"]);
  });

  it("is refused for another client", async () => {
    const { pending, code } = await pendingCode();
    const { status } = await exchangeCode({ ...pending, clientId: await registerClient() }, code);
    expect(status).toBe(400);
  });

  it("that is used twice ends the grant it made", async () => {
    const { pending, code } = await pendingCode();
    const first = await exchangeCode(pending, code);
    const second = await exchangeCode(pending, code);
    expect([second.status, second.body.error]).toEqual([400, "invalid_grant"]);
    expect((await callMcp("/mcp/crm", first.body.access_token)).status).toBe(401);
  });
});

describe("a refresh", () => {
  it("rotates: the new pair works, and the old refresh token ends once the new one is used", async () => {
    const connection = await connect(await createPerson("viewer"), { resource: "/mcp/crm" });
    const second = await refresh(connection);
    expect(second.body.refresh_token).not.toBe(connection.refreshToken);
    expect((await callMcp("/mcp/crm", second.body.access_token)).status).toBe(200);
    const third = await refresh({ ...connection, refreshToken: second.body.refresh_token });
    expect(third.status).toBe(200);
    expect((await refresh(connection)).status).toBe(400);
  });

  it("applies a changed name and role, and reduces the scopes to the new role", async () => {
    const person = await createPerson("sales");
    const connection = await connect(person, { resource: "/mcp/crm", scope: "crm:read crm:write" });
    expect(connection.scope.sort()).toEqual(["crm:read", "crm:write"]);
    await setPerson(person.id, "role", "viewer");
    await setPerson(person.id, "name", "New Name");
    const { body } = await refresh(connection);
    expect(body.scope).toBe("crm:read");
    expect(await propsOf(body.access_token)).toMatchObject({ role: "viewer", name: "New Name" });
  });

  it.each([
    ["disabled", (id: string) => setPerson(id, "disabled", 1)],
    ["gone", (id: string) => env.PLATFORM_DB.prepare(`DELETE FROM "user" WHERE "id" = ?`).bind(id).run()],
    ["left with a role that holds nothing", (id: string) => setPerson(id, "role", "visitor")],
  ])("for a user who is %s is refused and ends the grant", async (_case, change) => {
    const person = await createPerson("viewer");
    const connection = await connect(person, { resource: "/mcp/crm" });
    await change(person.id);
    const { status, body } = await refresh(connection);
    expect([status, body.error]).toEqual([400, "invalid_grant"]);
    expect((await callMcp("/mcp/crm", connection.accessToken)).status).toBe(401);
  });

  it("cannot widen the scopes that were consented", async () => {
    const connection = await connect(await createPerson("admin"), {
      resource: "/mcp/crm",
      tick: ["crm:read"],
    });
    const { body } = await refresh(connection, { scope: "crm:read crm:write" });
    expect(body.scope ?? "").not.toContain("crm:write");
  });

  it("cannot move to another resource", async () => {
    const connection = await connect(await createPerson("admin"), { resource: "/mcp/crm" });
    const { body } = await refresh(connection, { resource: `${env.PUBLIC_URL}/mcp` });
    expect(body.error).toBe("invalid_target");
  });
});

describe("revocation by the client (RFC 7009)", () => {
  it("of the refresh token ends refresh and access", async () => {
    const connection = await connect(await createPerson("viewer"), { resource: "/mcp/crm" });
    await requestToken({ token: connection.refreshToken, client_id: connection.clientId }).catch(
      () => undefined,
    );
    expect((await refresh(connection)).status).toBe(400);
    expect((await callMcp("/mcp/crm", connection.accessToken)).status).toBe(401);
  });
});
