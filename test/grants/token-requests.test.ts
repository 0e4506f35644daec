import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { withGrantStore } from "../../workers/gateway/grants/grant-storage.ts";
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

const URL_PATH = "/mcp/crm";
/** Number of concurrent clients. */
const CROWD = 100;
/** Maximum milliseconds of a crowd on a busy machine. */
const PATIENCE = 60_000;

type Connected = { refreshToken: string; clientId: string };

const refresh = (connection: Connected, changes: Record<string, string> = {}) =>
  requestToken({
    grant_type: "refresh_token",
    refresh_token: connection.refreshToken,
    client_id: connection.clientId,
    ...changes,
  });

const crowd = <T>(act: () => Promise<T>) => Promise.all(Array.from({ length: CROWD }, act));
const userOf = (token: string) => token.split(":")[0] ?? "";
const grantOf = (token: string) => token.split(":")[1] ?? "";
const objectOf = (token: string) => env.GRANT_STORE.get(env.GRANT_STORE.idFromName(userOf(token)));
const open = async (accessToken: string) => (await callMcp(URL_PATH, accessToken)).status;

async function connectViewer() {
  return await connect(await createPerson("viewer"), { resource: URL_PATH });
}

/** Ends the object as an uncaught failure would: waiting requests get an error, and its memory is lost. */
const crash = (token: string) =>
  runInDurableObject(objectOf(token), (_object, state) => state.abort("crash")).catch(() => undefined);

/** Data logged under an event name during `act`. */
async function logged(event: string, act: () => Promise<unknown>): Promise<Record<string, unknown>[]> {
  const spy = vi.spyOn(console, "warn").mockImplementation(() => undefined);
  try {
    await act();
    return spy.mock.calls
      .map(([line]) => JSON.parse(String(line)) as Record<string, unknown>)
      .filter((entry) => entry.event === event);
  } finally {
    spy.mockRestore();
  }
}

afterEach(() => {
  vi.useRealTimers();
});

describe(`${CROWD} parallel refreshes of one refresh token`, { timeout: PATIENCE }, () => {
  it("all succeed with the same tokens, which work and refresh again: one family", async () => {
    const connection = await connectViewer();
    const answers = await crowd(() => refresh(connection));
    expect(answers.map(({ status }) => status)).toEqual(Array(CROWD).fill(200));
    expect(new Set(answers.map(({ body }) => body.refresh_token)).size).toBe(1);
    expect(new Set(answers.map(({ body }) => body.access_token)).size).toBe(1);
    const [first] = answers;
    expect(await open(first?.body.access_token ?? "")).toBe(200);
    const next = await crowd(() => refresh({ ...connection, refreshToken: first?.body.refresh_token ?? "" }));
    expect(next.map(({ status }) => status)).toEqual(Array(CROWD).fill(200));
    expect(new Set(next.map(({ body }) => body.refresh_token)).size).toBe(1);
  });

  it("give the same answer when the object is evicted half-way", async () => {
    const connection = await connectViewer();
    const before = await refresh(connection);
    await evictDurableObject(objectOf(connection.refreshToken));
    const after = await refresh(connection);
    expect(after.status).toBe(200);
    expect(after.body.refresh_token).toBe(before.body.refresh_token);
  });

  it("leave no client with dead tokens when the object crashes under them", async () => {
    const connection = await connectViewer();
    const refreshes = Array.from({ length: 40 }, () => refresh(connection));
    await Promise.race(refreshes);
    await crash(connection.refreshToken);
    const answers = await Promise.all(refreshes);
    const after = await refresh(connection);
    expect(after.status).toBe(200);
    for (const { status, body } of answers) {
      if (status === 200) expect(body.refresh_token).toBe(after.body.refresh_token);
      else expect([status, body.error]).toEqual([503, "temporarily_unavailable"]);
    }
    expect(await open(after.body.access_token)).toBe(200);
  });

  it("give no answer to another client", async () => {
    const connection = await connectViewer();
    const stranger = await registerClient();
    const answers = await Promise.all([
      ...Array.from({ length: 20 }, () => refresh(connection)),
      ...Array.from({ length: 20 }, () => refresh({ ...connection, clientId: stranger })),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([...Array(20).fill(200), ...Array(20).fill(400)]);
  });

  it("authenticate the client each time, also for a repeated answer", async () => {
    const person = await createPerson("viewer");
    const api = (await getOAuthServers(env)).authorizationServer.getOAuthApi(env);
    const client = await api.createClient({
      clientName: "Confidential",
      redirectUris: ["http://127.0.0.1:3999/callback"],
      tokenEndpointAuthMethod: "client_secret_post",
    });
    const pending = await authorize(client.clientId, { resource: URL_PATH });
    const browser = await signIn(person);
    const consent = await decide(browser, pending, await openConsent(browser, pending), "allow");
    const secret = { client_secret: client.clientSecret ?? "" };
    const exchanged = await requestToken({
      grant_type: "authorization_code",
      code: new URL(consent.headers.get("Location") ?? "").searchParams.get("code") ?? "",
      client_id: client.clientId,
      redirect_uri: "http://127.0.0.1:3999/callback",
      code_verifier: pending.verifier,
      ...secret,
    });
    const connection = { clientId: client.clientId, refreshToken: exchanged.body.refresh_token };
    expect((await refresh(connection, secret)).status).toBe(200);
    expect((await refresh(connection, { client_secret: "wrong" })).body.error).toBe("invalid_client");
    expect((await refresh(connection, secret)).status).toBe(200);
  });

  it("give no answer to a user who has been disabled meanwhile", async () => {
    const connection = await connectViewer();
    expect((await refresh(connection)).status).toBe(200);
    await env.PLATFORM_DB.prepare(`UPDATE "user" SET "disabled" = 1 WHERE "id" = ?`)
      .bind(userOf(connection.refreshToken))
      .run();
    expect((await refresh(connection)).body.error).toBe("invalid_grant");
  });

  it("give the remaining lifetime of the token", async () => {
    const connection = await connectViewer();
    vi.useFakeTimers({ toFake: ["Date"] });
    const first = await refresh(connection);
    vi.setSystemTime(Date.now() + 30_000);
    const again = await refresh(connection);
    expect(again.body.access_token).toBe(first.body.access_token);
    expect(again.body.expires_in).toBe(first.body.expires_in - 30);
  });

  it("leave no token on disk: neither as text nor in the stored answer", async () => {
    const connection = await connectViewer();
    const { body } = await refresh(connection);
    const disk = await runInDurableObject(objectOf(connection.refreshToken), (_object, state) => {
      const tables = ["records", "retired_tokens", "answers"].map((table) =>
        state.storage.sql.exec(`SELECT * FROM ${table}`).toArray(),
      );
      return JSON.stringify(tables, (_key, value: unknown) =>
        value instanceof ArrayBuffer ? new TextDecoder().decode(value) : value,
      );
    });
    const secrets = [connection.accessToken, connection.refreshToken, body.access_token, body.refresh_token];
    for (const token of secrets) expect(disk).not.toContain(token.split(":")[2]);
  });
});

describe("a client that lost the answer to its refresh", () => {
  it("may refresh again with the old token after a minute too, as long as the new one is unused", async () => {
    const connection = await connectViewer();
    vi.useFakeTimers({ toFake: ["Date"] });
    const lost = await refresh(connection);
    vi.setSystemTime(Date.now() + 61_000);
    const second = await refresh(connection);
    expect(second.status).toBe(200);
    expect(second.body.refresh_token).not.toBe(lost.body.refresh_token);
    expect(await open(second.body.access_token)).toBe(200);
  });
});

describe("a refresh token that was replaced", () => {
  it("ends the whole connection when it is used again, and is logged without the token", async () => {
    const connection = await connectViewer();
    const second = await refresh(connection);
    const third = await refresh({ ...connection, refreshToken: second.body.refresh_token });
    const events = await logged("refresh_token_reused", async () => {
      expect((await refresh(connection)).body.error).toBe("invalid_grant");
    });
    expect(events).toMatchObject([
      {
        user_id: userOf(connection.refreshToken),
        grant_id: grantOf(connection.refreshToken),
        client_id: connection.clientId,
      },
    ]);
    expect(JSON.stringify(events)).not.toContain(connection.refreshToken.split(":")[2]);
    for (const token of [connection.accessToken, second.body.access_token, third.body.access_token]) {
      expect(await open(token)).toBe(401);
    }
    expect((await refresh({ ...connection, refreshToken: third.body.refresh_token })).status).toBe(400);
  });

  it("is recognised when the object has been evicted", async () => {
    const connection = await connectViewer();
    const second = await refresh(connection);
    const third = await refresh({ ...connection, refreshToken: second.body.refresh_token });
    await evictDurableObject(objectOf(connection.refreshToken));
    await refresh(connection);
    expect(await open(third.body.access_token)).toBe(401);
  });

  it("is distinguished from an invented one, which has no effect", async () => {
    const connection = await connectViewer();
    const madeUp = connection.refreshToken.replace(/[^:]+$/, "0".repeat(32));
    const events = await logged("refresh_token_reused", async () => {
      expect((await refresh({ ...connection, refreshToken: madeUp })).body.error).toBe("invalid_grant");
    });
    expect(events).toEqual([]);
    expect(await open(connection.accessToken)).toBe(200);
    expect((await refresh(connection)).status).toBe(200);
  });
});

describe(`${CROWD} parallel exchanges of one code`, { timeout: PATIENCE }, () => {
  it("give tokens to exactly one, and the code's second use ends them (RFC 6749 §4.1.2)", async () => {
    const browser = await signIn(await createPerson("viewer"));
    const pending = await authorize(await registerClient(), { resource: URL_PATH });
    const consent = await decide(browser, pending, await openConsent(browser, pending), "allow");
    const code = new URL(consent.headers.get("Location") ?? "").searchParams.get("code") ?? "";
    const answers = await crowd(() => exchangeCode(pending, code));
    const won = answers.filter(({ status }) => status === 200);
    expect(won).toHaveLength(1);
    expect(answers.filter(({ body }) => body.error === "invalid_grant")).toHaveLength(CROWD - 1);
    expect(await open(won[0]?.body.access_token ?? "")).toBe(401);
  });
});

describe("a revocation", () => {
  it("applies to concurrent refreshes: no token of theirs works afterwards", async () => {
    const connection = await connectViewer();
    const refreshes = Array.from({ length: 20 }, () => refresh(connection));
    await (await getOAuthServers(env)).authorizationServer
      .getOAuthApi(env)
      .revokeGrant(grantOf(connection.refreshToken), userOf(connection.refreshToken));
    for (const { status, body } of await Promise.all(refreshes)) {
      if (status !== 200) {
        // Revoked just after its tokens were written: the client gets none of them, and the reason at its
        // next try.
        const heard = status === 503 ? await refresh(connection) : { status, body };
        expect([heard.status, heard.body.error]).toEqual([400, "invalid_grant"]);
        continue;
      }
      expect(await open(body.access_token)).toBe(401);
      expect((await refresh({ ...connection, refreshToken: body.refresh_token })).status).toBe(400);
    }
    expect(await open(connection.accessToken)).toBe(401);
    const { keys } = await withGrantStore(env).OAUTH_KV.list({
      prefix: `token:${userOf(connection.refreshToken)}:`,
    });
    expect(keys).toEqual([]);
  });

  it("by one user keeps another user's connection through the same app", async () => {
    const clientId = await registerClient();
    const one = await connect(await createPerson("viewer"), { resource: URL_PATH, clientId });
    const two = await connect(await createPerson("viewer"), { resource: URL_PATH, clientId });
    const api = (await getOAuthServers(env)).authorizationServer.getOAuthApi(env);
    await api.revokeGrant(grantOf(two.refreshToken), userOf(one.refreshToken));
    expect(await open(two.accessToken)).toBe(200);
    expect((await api.listUserGrants(userOf(one.refreshToken))).items.map(({ id }) => id)).toEqual([
      grantOf(one.refreshToken),
    ]);
    await api.revokeGrant(grantOf(one.refreshToken), userOf(one.refreshToken));
    expect([await open(one.accessToken), await open(two.accessToken)]).toEqual([401, 200]);
  });
});
