import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { app } from "../../workers/gateway/app.ts";
import { renewEncryption } from "../../workers/gateway/second-factor/renew-encryption.ts";
import { createPerson, PASSWORD, signIn } from "../support/oauth.ts";
import { enrol } from "../support/second-factor.ts";
import { openSession, REVISION } from "../support/session.ts";
import { showCode } from "../support/totp.ts";

const NEW_KEY = "another-key-long-enough-for-anybody-0123456789";

/** The Worker with other secrets; `undefined` removes one. */
function deployWith(changes: Record<string, string | undefined>) {
  const changed = Object.fromEntries(
    Object.entries({ ...env, ...changes }).filter(([, value]) => value !== undefined),
  ) as unknown as Env;
  return async (path: string, init: RequestInit = {}) => {
    const ctx = createExecutionContext();
    const request = new Request(new URL(path, env.PUBLIC_URL), { redirect: "manual", ...init });
    const response = await app.fetch(request, changed, ctx);
    await waitOnExecutionContext(ctx);
    return response;
  };
}

/** Before a rotation, during its overlap, and after the removal of the old key. */
function rotate(name: string) {
  return {
    during: deployWith({ [`${name}_2`]: NEW_KEY }),
    after: deployWith({ [name]: undefined, [`${name}_2`]: NEW_KEY }),
  };
}

describe("rotating SESSION_SEAL_KEY", () => {
  it("keeps open sessions through the overlap, and ends those of the old key with 404 afterwards", async () => {
    const { during, after } = rotate("SESSION_SEAL_KEY");
    const session = await openSession({ server: "crm", lane: "sessionful" });
    const post = async (deployed: typeof during, message: object, sessionId?: string) =>
      deployed("/mcp/crm", {
        method: "POST",
        headers: {
          host: new URL(session.url).host,
          authorization: `Bearer ${session.token.accessToken}`,
          "content-type": "application/json",
          accept: "application/json, text/event-stream",
          "mcp-protocol-version": REVISION.sessionful,
          ...(sessionId !== undefined && { "mcp-session-id": sessionId }),
        },
        body: JSON.stringify({ jsonrpc: "2.0", id: crypto.randomUUID(), ...message }),
      });
    const list = { method: "tools/list" };
    const initialize = {
      method: "initialize",
      params: {
        protocolVersion: REVISION.sessionful,
        capabilities: {},
        clientInfo: { name: "test", version: "1" },
      },
    };
    expect((await post(during, list, session.sessionId)).status).toBe(200);
    const started = await post(during, initialize);
    const newer = started.headers.get("mcp-session-id") ?? "";
    expect([session.sessionId, newer].map((id) => id?.split(".")[1])).toEqual(["1", "2"]);
    expect((await post(after, list, newer)).status).toBe(200);
    expect((await post(after, list, session.sessionId)).status).toBe(404);
  });
});

describe("rotating BETTER_AUTH_SECRET", () => {
  const signInAt = async (deployed: ReturnType<typeof deployWith>, email: string) => {
    const response = await deployed("/sign-in", {
      method: "POST",
      headers: { origin: env.PUBLIC_URL },
      body: new URLSearchParams({ email, password: PASSWORD }),
    });
    return /^[^;]+/.exec(response.headers.getSetCookie()[0] ?? "")?.[0] ?? "";
  };

  it("keeps browsers signed in through the overlap, and asks those of the old key to sign in afterwards", async () => {
    const { during, after } = rotate("BETTER_AUTH_SECRET");
    const { email } = await createPerson("viewer");
    const cookies = [await signInAt(deployWith({}), email), await signInAt(during, email)];
    const statuses = (deployed: typeof during) =>
      Promise.all(
        cookies.map(async (cookie) => (await deployed("/account", { headers: { cookie } })).status),
      );
    expect(await statuses(during)).toEqual([200, 200]);
    expect(await statuses(after)).toEqual([303, 200]);
  });

  it("lets a browser with an old cookie sign out: its session is gone, not only its cookie", async () => {
    const { during } = rotate("BETTER_AUTH_SECRET");
    const { email } = await createPerson("viewer");
    const cookie = await signInAt(deployWith({}), email);
    await during("/sign-out", {
      method: "POST",
      headers: { cookie, origin: env.PUBLIC_URL },
      body: new URLSearchParams(),
    });
    expect((await during("/account", { headers: { cookie } })).status).toBe(303);
  });
});

it("second factors outlive the key that encrypted them, once the hourly job has run", async () => {
  const person = await createPerson("viewer");
  const { secret } = await enrol(await signIn(person));
  const stored = () =>
    env.PLATFORM_DB.prepare(`SELECT "secret" FROM "twoFactor" WHERE "userId" = ?`)
      .bind(person.id)
      .first("secret");
  expect(await stored()).toMatch(/^\$ba\$1\$/);
  await renewEncryption({ ...env, BETTER_AUTH_SECRET_2: NEW_KEY } as Env, 10);
  expect(await stored()).toMatch(/^\$ba\$2\$/);
  const { after } = rotate("BETTER_AUTH_SECRET");
  const send = (path: string, fields: Record<string, string>, cookie = "") =>
    after(path, {
      method: "POST",
      headers: { origin: env.PUBLIC_URL, cookie },
      body: new URLSearchParams(fields),
    });
  const challenge = await send("/sign-in", { email: person.email, password: PASSWORD });
  const cookie = challenge.headers
    .getSetCookie()
    .map((line) => /^[^;]+/.exec(line)?.[0])
    .join("; ");
  const answer = await send("/sign-in/code", { code: await showCode(secret, 1) }, cookie);
  expect(answer.headers.get("Location")).toBe("/account");
});

describe("a malformed key", () => {
  it.each([
    ["REQUEST_STATE_KEY", "1:a key with spaces that nobody may see,2:x", "malformed"],
    ["APPROVAL_LINK_KEY", "tiny-approval-key", "shorter than 32"],
    ["SESSION_SEAL_KEY", env.AUDIT_SIGNING_KEY, "AUDIT_SIGNING_KEY"],
  ])("refuses all requests and is named at /ready, never printed: %s", async (name, text, reason) => {
    const deployed = deployWith({ [name]: text });
    for (const path of ["/ready", "/mcp/crm", "/sign-in"]) {
      const response = await deployed(path);
      expect(response.status, path).toBe(503);
      const body = await response.text();
      expect(body).toContain(name);
      expect(body).toContain(reason);
      expect(body).not.toContain(text);
      expect(body).not.toContain("nobody may see");
    }
  });
});
