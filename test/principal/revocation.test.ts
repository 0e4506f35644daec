import { evictAllDurableObjects, runInDurableObject } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { principalGate } from "../../shared/guard/admit.ts";
import { grantIdOf } from "../../workers/gateway/grant.ts";
import { CallOutbox } from "../../workers/principal/call-outbox.ts";
import { connect, createPerson, requestToken, type TestPerson } from "../support/oauth.ts";
import { LANES, openSession, REVISION, type SessionOptions, type TestSession } from "../support/session.ts";

/** What KV holds under a prefix, to be put back: a place that has not heard of a deletion yet still shows it. */
async function snapshot(prefix: string): Promise<() => Promise<void>> {
  const { keys } = await env.OAUTH_KV.list({ prefix });
  const entries = await Promise.all(
    keys.map(async ({ name, metadata }) => ({ name, metadata, value: (await env.OAUTH_KV.get(name)) ?? "" })),
  );
  return async () => {
    for (const { name, metadata, value } of entries) await env.OAUTH_KV.put(name, value, { metadata });
  };
}

/** A person's app with an open session at `/mcp/crm`, and the way to bring back what KV holds of the person now. */
async function openApp(lane: SessionOptions["lane"], person: TestPerson, clientId?: string) {
  const connection = await connect(person, { resource: "/mcp/crm", ...(clientId && { clientId }) });
  const session = await openSession({ server: "crm", lane, token: connection });
  expect((await session.call("context_get")).isError).toBe(false);
  const [grant, token] = [await snapshot(`grant:${person.id}:`), await snapshot(`token:${person.id}:`)];
  const restore = () => Promise.all([grant(), token()]);
  return { ...connection, session, restore, grantId: grantIdOf(connection.accessToken) };
}

const callIn = (session: TestSession) =>
  session.request("tools/call", { name: "context_get", arguments: {} });

async function expectReconnect(session: TestSession): Promise<void> {
  const { status, headers, result } = await callIn(session);
  expect(status).toBe(401);
  expect(headers.get("www-authenticate")).toBe(
    `Bearer realm="OAuth", resource_metadata="${env.PUBLIC_URL}/.well-known/oauth-protected-resource/mcp/crm", error="invalid_token"`,
  );
  expect(JSON.parse(result.content[0].text)).toMatchObject({ error: { code: "access_ended" } });
}

describe.each(LANES)("a revoked grant on the %s lane", (lane) => {
  it("is refused at the next call of an open session while KV still shows it, and others live on", async () => {
    const person = await createPerson("admin");
    const [app, other] = [await openApp(lane, person), await openApp(lane, person)];
    const { restore } = other;
    await app.browser.post("/account/revoke", { grant: app.grantId });
    await restore();
    await expectReconnect(app.session);
    await evictAllDurableObjects();
    await expectReconnect(app.session);
    expect((await callIn(other.session)).status).toBe(200);
  });

  it("is refused for resources and prompts as well", async () => {
    const { session, restore, browser, grantId } = await openApp(lane, await createPerson("admin"));
    await browser.post("/account/revoke", { grant: grantId });
    await restore();
    expect((await session.request("resources/read", { uri: "crm://pipeline" })).status).toBe(401);
    expect((await session.request("prompts/get", { name: "crm_review_pipeline" })).status).toBe(401);
  });

  it("is refused when the client itself revoked it (RFC 7009)", async () => {
    const { session, restore, refreshToken, clientId } = await openApp(lane, await createPerson("admin"));
    await exports.default.fetch(new URL("/oauth/token", env.PUBLIC_URL), {
      method: "POST",
      body: new URLSearchParams({ token: refreshToken, client_id: clientId }),
    });
    await restore();
    await expectReconnect(session);
  });

  it("is refused when the app was connected again; the new grant goes on in the same session", async () => {
    const person = await createPerson("admin");
    const first = await openApp(lane, person);
    const second = await openApp(lane, person, first.clientId);
    await first.restore();
    await expectReconnect(first.session);
    first.session.token = second;
    expect((await callIn(first.session)).status).toBe(200);
  });

  it("leaves a record of the refused call", async () => {
    const person = await createPerson("admin");
    const { session, restore, browser, grantId } = await openApp(lane, person);
    await browser.post("/account/revoke", { grant: grantId });
    await restore();
    await callIn(session);
    const records = await runInDurableObject(
      env.PRINCIPAL.get(env.PRINCIPAL.idFromName(person.id)),
      (_object, state) => new CallOutbox(state.storage.sql).ready(Number.MAX_SAFE_INTEGER),
    );
    expect(records.at(-1)).toMatchObject({ name: "context_get", status: "access_ended", lane });
  });

  it("does not end anything of somebody else who names its id", async () => {
    const owner = await openApp(lane, await createPerson("admin"));
    const stranger = await openApp(lane, await createPerson("admin"));
    await stranger.browser.post("/account/revoke", { grant: owner.grantId });
    expect((await callIn(owner.session)).status).toBe(200);
  });
});

describe("a revoked grant", () => {
  it("cannot be refreshed while KV still shows it", async () => {
    const { restore, browser, grantId, refreshToken, clientId } = await openApp(
      "stateless",
      await createPerson("admin"),
    );
    await browser.post("/account/revoke", { grant: grantId });
    await restore();
    const { status, body } = await requestToken({
      grant_type: "refresh_token",
      refresh_token: refreshToken,
      client_id: clientId,
    });
    expect([status, body.error]).toEqual([400, "invalid_grant"]);
  });

  it("loses its open stream with the next call that it tries", async () => {
    const { session, accessToken, restore, browser, grantId } = await openApp(
      "sessionful",
      await createPerson("admin"),
    );
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
    await browser.post("/account/revoke", { grant: grantId });
    await restore();
    await expectReconnect(session);
    // Resolves when the stream has ended.
    expect(await stream.text()).not.toContain("data:");
  });

  it("is remembered by the person's object only", async () => {
    await principalGate(env, "user_one").revokeGrant("grant");
    expect(await principalGate(env, "user_one").isGrantRevoked("grant")).toBe(true);
    expect(await principalGate(env, "user_two").isGrantRevoked("grant")).toBe(false);
  });
});
