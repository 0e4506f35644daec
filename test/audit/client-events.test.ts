import { env, exports } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { ANONYMOUS_CHAIN, type AuditEvent } from "../../shared/audit/record.ts";
import { verifyExport } from "../../shared/audit/verify-export.ts";
import { grantIdOf } from "../../workers/gateway/oauth/grant.ts";
import { connect, createPerson, registerClient } from "../support/oauth.ts";
import { deliverAll, eventsOf, exportTrail, linksOf } from "./trail.ts";

const FROM = "198.51.100.23";

async function refresh(refreshToken: string, clientId: string): Promise<{ status: number; token: string }> {
  const response = await exports.default.fetch(new URL("/oauth/token", env.PUBLIC_URL), {
    method: "POST",
    headers: { "cf-connecting-ip": FROM },
    body: new URLSearchParams({
      grant_type: "refresh_token",
      refresh_token: refreshToken,
      client_id: clientId,
    }),
  });
  const body = await response.json<{ refresh_token?: string }>();
  return { status: response.status, token: body.refresh_token ?? "" };
}

const reusesIn = (events: AuditEvent[]) => events.filter(({ type }) => type === "token_reuse");

describe("a reused refresh token", () => {
  it("is a record in its user's chain: which connection, which app, from where, and no token", async () => {
    const [person, neighbour] = [await createPerson("viewer"), await createPerson("viewer")];
    const { refreshToken, clientId } = await connect(person, { resource: "/mcp/crm" });
    await connect(neighbour, { resource: "/mcp/crm", clientId });
    const second = await refresh(refreshToken, clientId);
    const third = await refresh(second.token, clientId);
    expect((await refresh(refreshToken, clientId)).status).toBe(400);
    expect(reusesIn(await eventsOf(person.id))).toEqual([
      { type: "token_reuse", grantId: grantIdOf(refreshToken), clientId, ip: FROM, country: null },
    ]);
    expect(reusesIn(await eventsOf(neighbour.id))).toEqual([]);
    const text = JSON.stringify(await linksOf(person.id));
    for (const token of [refreshToken, second.token, third.token]) {
      expect(text).not.toContain(token.split(":")[2]);
    }
  });

  it("names the app of the connection, whatever client id the request contains", async () => {
    const person = await createPerson("viewer");
    const { refreshToken, clientId } = await connect(person, { resource: "/mcp/crm" });
    const second = await refresh(refreshToken, clientId);
    await refresh(second.token, clientId);
    await refresh(refreshToken, await registerClient());
    expect(reusesIn(await eventsOf(person.id))).toMatchObject([{ clientId }]);
  });

  it("is recorded once, however often it is sent; an invented token never", async () => {
    const person = await createPerson("viewer");
    const { refreshToken, clientId } = await connect(person, { resource: "/mcp/crm" });
    await refresh(refreshToken.replace(/[^:]+$/, "0".repeat(32)), clientId);
    const second = await refresh(refreshToken, clientId);
    await refresh(second.token, clientId);
    await refresh(refreshToken, clientId);
    await refresh(refreshToken, clientId);
    expect(reusesIn(await eventsOf(person.id))).toHaveLength(1);
  });

  it("is in the export, which verifies", async () => {
    const person = await createPerson("viewer");
    const { refreshToken, clientId } = await connect(person, { resource: "/mcp/crm" });
    const second = await refresh(refreshToken, clientId);
    await refresh(second.token, clientId);
    await refresh(refreshToken, clientId);
    await deliverAll(person.id);
    const lines = await exportTrail();
    // People of other tests may be delivered by their objects' alarms meanwhile.
    const own = lines.filter((line) => line.includes(person.id));
    expect(own.filter((line) => line.includes('"token_reuse"'))).toHaveLength(1);
    expect((await verifyExport(lines)).findings).toEqual([]);
  });
});

describe("a client that registers", () => {
  it("is recorded with its id and address; its name is not stored, nor is a refused attempt", async () => {
    const register = (metadata: object) =>
      exports.default.fetch(new URL("/oauth/register", env.PUBLIC_URL), {
        method: "POST",
        headers: { "content-type": "application/json", "cf-connecting-ip": FROM },
        body: JSON.stringify({ token_endpoint_auth_method: "none", ...metadata }),
      });
    const known = (await eventsOf(ANONYMOUS_CHAIN)).length;
    const accepted = await register({
      client_name: "A telling name",
      redirect_uris: ["http://127.0.0.1:3999/callback"],
    });
    expect(accepted.status).toBe(201);
    const { client_id } = await accepted.json<{ client_id: string }>();
    expect((await register({ client_name: "A telling name", redirect_uris: [] })).status).toBe(400);
    expect((await eventsOf(ANONYMOUS_CHAIN)).slice(known)).toEqual([
      { type: "client_registration", clientId: client_id, ip: FROM, country: null },
    ]);
    expect(JSON.stringify(await linksOf(ANONYMOUS_CHAIN))).not.toContain("telling");
  });
});
