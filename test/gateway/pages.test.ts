import { createExecutionContext } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { app } from "../../workers/gateway/app.ts";
import { listResources } from "../../workers/gateway/oauth/resources.ts";
import { TestBrowser } from "../support/oauth.ts";

const fetchWith = (changes: Partial<Record<keyof Env, unknown>>, path: string, init: RequestInit = {}) =>
  app.fetch(
    new Request(new URL(path, env.PUBLIC_URL), init),
    { ...env, ...changes } as Env,
    createExecutionContext(),
  );

describe("the front page", () => {
  it("names every MCP address and how to connect", async () => {
    const html = await (await new TestBrowser().get("/")).text();
    for (const resource of await listResources(env)) expect(html).toContain(`<code>${resource.url}</code>`);
    expect(html).toContain("claude mcp add");
  });

  it.each(["/", "/sign-in", "/nothing-here"])(
    "and every other page carry the protective headers: %s",
    async (path) => {
      const { headers } = await new TestBrowser().get(path);
      expect(headers.get("Content-Security-Policy")).toContain("default-src 'none'");
      expect(headers.get("Content-Security-Policy")).toContain("frame-ancestors 'none'");
      expect(headers.get("Content-Security-Policy")).toContain("form-action 'self'");
      expect(headers.get("X-Content-Type-Options")).toBe("nosniff");
      expect(headers.get("Referrer-Policy")).toBe("same-origin");
      expect(headers.get("Cache-Control")).toBe("no-store");
      expect(headers.get("Strict-Transport-Security")).toBeNull();
    },
  );

  it("asks browsers to stay on https where it is served on https", async () => {
    const response = await app.fetch(
      new Request("https://localhost:8787/"),
      { ...env, PUBLIC_URL: "https://localhost:8787" },
      createExecutionContext(),
    );
    expect(response.headers.get("Strict-Transport-Security")).toContain("max-age=31536000");
  });

  it.each([
    ["/style.css", "text/css"],
    ["/favicon.svg", "image/svg+xml"],
  ])("has %s", async (path, type) => {
    const response = await new TestBrowser().get(path);
    expect(response.status).toBe(200);
    expect(response.headers.get("Content-Type")).toContain(type);
  });
});

describe("the session cookie", () => {
  it("is bound to the host and to https where it is served on https", async () => {
    const { openAuth } = await import("../../workers/gateway/sign-in/auth.ts");
    const secure = { ...env, PUBLIC_URL: "https://gatehouse.example.com" };
    const { authCookies } = await openAuth(secure).$context;
    expect(authCookies.sessionToken.name).toBe("__Host-gatehouse-session");
    expect(authCookies.sessionToken.attributes).toMatchObject({ secure: true, httpOnly: true, path: "/" });
  });
});

describe("a request to another host", () => {
  it.each(["/", "/sign-in", "/mcp", "/.well-known/oauth-authorization-server"])(
    "is refused at %s",
    async (path) => {
      const response = await exports.default.fetch(`http://rebound.example:8787${path}`);
      expect(response.status).toBe(403);
      expect(await response.text()).toContain(env.PUBLIC_URL);
    },
  );
});

describe("an unknown address", () => {
  it("is a page for browsers and an error body for programs", async () => {
    const page = await new TestBrowser().get("/nothing-here");
    expect([page.status, page.headers.get("Content-Type")]).toEqual([404, "text/html; charset=UTF-8"]);
    const body = await exports.default.fetch(new URL("/nothing-here", env.PUBLIC_URL));
    expect(await body.json()).toEqual({
      error: {
        code: "not_found",
        message: "Gatehouse has nothing at this address.",
        suggested_action: expect.any(String),
      },
    });
  });
});

describe("an unexpected failure", () => {
  it("shows an event id for the log, and nothing of the failure itself", async () => {
    const lines: string[] = [];
    const spy = vi.spyOn(console, "error").mockImplementation((line: string) => void lines.push(line));
    const broken = {
      ...env.PLATFORM_DB,
      prepare: () => {
        throw new Error("secret detail of the database");
      },
      batch: () => Promise.reject(new Error("secret detail of the database")),
    };
    const response = await fetchWith({ PLATFORM_DB: broken }, "/sign-in", {
      method: "POST",
      headers: { Origin: env.PUBLIC_URL, Accept: "text/html" },
      body: new URLSearchParams({ email: "a@b.example", password: "x" }),
    });
    spy.mockRestore();
    expect(response.status).toBe(503);
    const page = await response.text();
    const eventId = /Event id: ([0-9a-f-]{36})/.exec(page)?.[1] ?? "missing";
    expect(page).not.toContain("secret detail");
    expect(page).not.toMatch(/\bat .*\.tsx?:/);
    expect(lines.join("\n")).toContain(eventId);
    expect(lines.join("\n")).toContain("secret detail");
  });
});

describe("health", () => {
  it("reports that the process answers, in any state", async () => {
    const response = await fetchWith({ PLATFORM_DB: undefined }, "/health");
    expect(await response.json()).toEqual({ status: "ok", version: env.VERSION.id });
  });

  it("is ready when every binding answers, each by name and time", async () => {
    const response = await exports.default.fetch(new URL("/ready", env.PUBLIC_URL));
    const body = await response.json<{
      status: string;
      checks: { name: string; ok: boolean; ms: number }[];
    }>();
    expect(response.status).toBe(200);
    expect(body.checks.map((check) => check.name).sort()).toEqual([
      "ANALYTICS_DB",
      "ATTEMPTS",
      "AUDIT_SEGMENTS",
      "CALL_QUEUE",
      "CHANGE_HUB",
      "CRM_DB",
      "GRANT_STORE",
      "KNOWLEDGE_DB",
      "MEDIA",
      "OAUTH_KV",
      "PLATFORM_DB",
      "PRINCIPAL",
      "TASK_RUNNER",
      "TOOL_LIMITER",
      "audit_trail",
      "policy",
    ]);
    for (const check of body.checks) expect(check).toMatchObject({ ok: true, ms: expect.any(Number) });
  });

  it("probes once in five seconds, read-only, and probes again after that", async () => {
    vi.useFakeTimers({ now: Date.now(), toFake: ["Date"] });
    const asked: string[][] = [];
    const counting = {
      prepare: (sql: string) => sql,
      batch: async (statements: string[]) => {
        asked.push(statements);
        return [];
      },
    };
    const deployed = { ...env, CRM_DB: counting } as unknown as Env;
    const request = () => new Request(new URL("/ready", env.PUBLIC_URL));
    const ask = async () => (await app.fetch(request(), deployed, createExecutionContext())).status;
    try {
      expect(await ask()).toBe(200);
      expect(await Promise.all(Array.from({ length: 20 }, ask))).toEqual(Array(20).fill(200));
      expect(asked).toHaveLength(1);
      vi.setSystemTime(Date.now() + 5_000);
      expect(await Promise.all(Array.from({ length: 20 }, ask))).toEqual(Array(20).fill(200));
      expect(asked).toHaveLength(2);
      for (const sql of asked.flat()) expect(sql).toMatch(/^SELECT /);
    } finally {
      vi.useRealTimers();
    }
    const turns = env.TOOL_LIMITER.get(env.TOOL_LIMITER.idFromName("readiness-probe")) as unknown as {
      countTurns(): Promise<number>;
    };
    expect(await turns.countTurns()).toBe(0);
  });

  it("names the failed part and writes its message to the log only", async () => {
    const spy = vi.spyOn(console, "error").mockImplementation(() => undefined);
    const broken = {
      batch: () => Promise.reject(new Error("no such host d1-internal")),
      prepare: () => ({ first: () => Promise.reject(new Error("no such host d1-internal")) }),
    };
    const response = await fetchWith({ CRM_DB: broken }, "/ready");
    spy.mockRestore();
    expect(response.status).toBe(503);
    const text = await response.text();
    expect(JSON.parse(text)).toMatchObject({ status: "failing", failing: ["CRM_DB"] });
    expect(text).not.toContain("d1-internal");
  });

  it("names a missing binding, and pages do too", async () => {
    const ready = await fetchWith({ OAUTH_KV: undefined }, "/ready");
    expect(ready.status).toBe(503);
    expect(await ready.json()).toMatchObject({ failing: ["OAUTH_KV"] });
    const page = await fetchWith({ SESSION_SEAL_KEY: undefined }, "/mcp");
    expect(page.status).toBe(503);
    const body = await page.json<{ error: { code: string; message: string } }>();
    expect(body.error.message).toContain("npx wrangler secret put SESSION_SEAL_KEY");
  });
});
