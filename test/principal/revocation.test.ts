import { evictAllDurableObjects } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { principalGate } from "../../shared/objects/principal-gate.ts";

import { grantIdOf } from "../../workers/gateway/oauth/grant.ts";
import { eventsOf } from "../audit/trail.ts";
import { callMcp, connect, createPerson, requestToken, type TestPerson } from "../support/oauth.ts";
import {
  LANES,
  openSession,
  REVISION,
  type RpcAnswer,
  type SessionOptions,
  type TestSession,
} from "../support/session.ts";

/**
 * A user's app with an open session at `/mcp/crm`; `end` revokes it while its token can still be validated.
 */
async function openApp(lane: SessionOptions["lane"], person: TestPerson, clientId?: string) {
  const connection = await connect(person, { resource: "/mcp/crm", ...(clientId && { clientId }) });
  const session = await openSession({ server: "crm", lane, token: connection });
  expect((await session.call("context_get")).isError).toBe(false);
  const grantId = grantIdOf(connection.accessToken);
  const end = () => principalGate(env, person.id).revokeGrant(grantId);
  return { ...connection, session, end, grantId };
}

const callIn = (session: TestSession) =>
  session.request("tools/call", { name: "context_get", arguments: {} });

/** Expects that the next call is refused with the way to connect again (RFC 6750 §3, RFC 9728 §5.1). */
async function expectReconnect(session: TestSession): Promise<RpcAnswer> {
  const answer = await callIn(session);
  expect(answer.status).toBe(401);
  const challenge = answer.headers.get("www-authenticate");
  expect(challenge).toContain(`${env.PUBLIC_URL}/.well-known/oauth-protected-resource/mcp/crm`);
  expect(challenge).toContain('error="invalid_token"');
  return answer;
}

/** The same, by the user's object although the token itself is still valid. */
async function expectAccessEnded(session: TestSession): Promise<void> {
  const { result } = await expectReconnect(session);
  expect(JSON.parse(result.content[0].text)).toMatchObject({ error: { code: "access_ended" } });
}

/** Requests other than calls: lists, completion, unknown names. All of them read or change something. */
const EVERYTHING_ELSE: [string, Record<string, unknown>][] = [
  ["tools/list", {}],
  ["prompts/list", {}],
  ["resources/list", {}],
  ["resources/templates/list", {}],
  [
    "completion/complete",
    {
      ref: { type: "ref/resource", uri: "crm://companies/{id}" },
      argument: { name: "id", value: "a" },
    },
  ],
  ["tools/call", { name: "no_such_tool", arguments: {} }],
  ["no/such/method", {}],
];

const UNKNOWN = new Set(["no_such_tool", "no/such/method"]);

describe.each(LANES)("a revoked grant on the %s lane", (lane) => {
  it("is refused at the next call of an open session, and others still work", async () => {
    const person = await createPerson("admin");
    const [app, other] = [await openApp(lane, person), await openApp(lane, person)];
    await app.browser.post("/account/revoke", { grant: app.grantId });
    await expectReconnect(app.session);
    await evictAllDurableObjects();
    await expectReconnect(app.session);
    expect((await callIn(other.session)).status).toBe(200);
  });

  it("is refused by the user's object while its token can still be validated, for every kind of call", async () => {
    const { session, end } = await openApp(lane, await createPerson("admin"));
    await end();
    await expectAccessEnded(session);
    await evictAllDurableObjects();
    await expectAccessEnded(session);
    expect((await session.request("resources/read", { uri: "crm://pipeline" })).status).toBe(401);
    expect((await session.request("prompts/get", { name: "crm_review_pipeline" })).status).toBe(401);
  });

  it.each(EVERYTHING_ELSE)(
    "is refused at the next %s too, while its token is remembered",
    async (method, params) => {
      const { session, end } = await openApp(lane, await createPerson("admin"));
      const before = await session.request(method, params);
      expect(before.status).not.toBe(401);
      if (!UNKNOWN.has(String(params.name ?? method))) expect(before.result).toBeDefined();
      await end();
      const after = await session.request(method, params);
      expect(after.status).toBe(401);
      expect(after.result).toBeUndefined();
      expect(after.headers.get("www-authenticate")).toContain('error="invalid_token"');
    },
  );

  it("reveals nothing to a disabled user's app either, not even lists", async () => {
    const person = await createPerson("admin");
    const { session } = await openApp(lane, person);
    await env.PLATFORM_DB.prepare(`UPDATE "user" SET "disabled" = 1 WHERE "id" = ?`).bind(person.id).run();
    await evictAllDurableObjects();
    expect((await session.request("tools/list")).status).toBe(401);
    expect((await callIn(session)).status).toBe(401);
  });

  it("is refused when the client itself revoked it (RFC 7009)", async () => {
    const { session, refreshToken, clientId } = await openApp(lane, await createPerson("admin"));
    await exports.default.fetch(new URL("/oauth/token", env.PUBLIC_URL), {
      method: "POST",
      body: new URLSearchParams({ token: refreshToken, client_id: clientId }),
    });
    await expectReconnect(session);
  });

  it("is not made by connecting the app again: both grants serve the same session", async () => {
    const person = await createPerson("admin");
    const first = await openApp(lane, person);
    const second = await openApp(lane, person, first.clientId);
    expect((await callIn(first.session)).status).toBe(200);
    first.session.token = second;
    expect((await callIn(first.session)).status).toBe(200);
  });

  it("leaves a record of the refused call", async () => {
    const person = await createPerson("admin");
    const { session, end } = await openApp(lane, person);
    await end();
    await callIn(session);
    const events = await eventsOf(person.id);
    const outcome = events.find((event) => event.type === "outcome" && event.error === "access_ended");
    const intent = events.findLast((event) => event.type === "intent");
    expect(intent).toMatchObject({ type: "intent", name: "context_get", lane });
    expect(outcome).toMatchObject({ type: "outcome", status: "failed", error: "access_ended" });
  });

  it("does not end a connection of another user by its id", async () => {
    const owner = await openApp(lane, await createPerson("admin"));
    const stranger = await openApp(lane, await createPerson("admin"));
    await stranger.browser.post("/account/revoke", { grant: owner.grantId });
    expect((await callIn(owner.session)).status).toBe(200);
  });
});

describe("a revoked grant", () => {
  it("cannot be refreshed, and its user's object records it", async () => {
    const person = await createPerson("admin");
    const { browser, grantId, refreshToken, clientId } = await openApp("stateless", person);
    await browser.post("/account/revoke", { grant: grantId });
    expect(await principalGate(env, person.id).isGrantRevoked(grantId)).toBe(true);
    const { status, body } = await requestToken({
      grant_type: "refresh_token",
      refresh_token: refreshToken,
      client_id: clientId,
    });
    expect([status, body.error]).toEqual([400, "invalid_grant"]);
  });

  it("can neither start a session nor open or end one", async () => {
    const { session, accessToken, end } = await openApp("sessionful", await createPerson("admin"));
    await end();
    expect((await callMcp("/mcp/crm", accessToken)).status).toBe(401);
    for (const method of ["GET", "DELETE"]) {
      const response = await exports.default.fetch(session.url, {
        method,
        headers: {
          host: new URL(session.url).host,
          authorization: `Bearer ${accessToken}`,
          accept: "text/event-stream",
          "mcp-session-id": session.sessionId ?? "",
          "mcp-protocol-version": REVISION.sessionful,
        },
      });
      expect(response.status, method).toBe(401);
    }
    expect((await session.request("ping")).status).toBe(401);
    expect((await session.post({ jsonrpc: "2.0", method: "notifications/initialized" })).status).toBe(401);
  });

  it("loses its open stream with the next call that it tries", async () => {
    const { session, accessToken, end } = await openApp("sessionful", await createPerson("admin"));
    const stream = await exports.default.fetch(session.url, {
      headers: {
        host: new URL(session.url).host,
        authorization: `Bearer ${accessToken}`,
        accept: "text/event-stream",
        "mcp-session-id": session.sessionId ?? "",
        "mcp-protocol-version": REVISION.sessionful,
      },
    });
    expect(stream.status).toBe(200);
    await end();
    await expectAccessEnded(session);
    // Resolves when the stream has ended.
    expect(await stream.text()).not.toContain("data:");
  });

  it("is recorded by the user's object only", async () => {
    await principalGate(env, "user_one").revokeGrant("grant");
    expect(await principalGate(env, "user_one").isGrantRevoked("grant")).toBe(true);
    expect(await principalGate(env, "user_two").isGrantRevoked("grant")).toBe(false);
  });
});
