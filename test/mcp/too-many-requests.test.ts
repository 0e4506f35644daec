import { env, exports } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { REQUESTS_PER_MINUTE, RequestLimiter } from "../../workers/objects/principal/request-limiter.ts";
import { principalOf } from "../audit/trail.ts";
import { changeCounters } from "../support/attempts.ts";
import { setLimits } from "../support/limits.ts";
import { LANES, openSession } from "../support/session.ts";

/** Exhausts an app's limit of requests other than calls. */
async function exhaust(userId: string, clientId: string): Promise<void> {
  const access = { grantId: "none", tokenId: "none" };
  for (let request = 0; request < REQUESTS_PER_MINUTE; request += 1) {
    await principalOf(userId).checkAccess(userId, access, clientId);
  }
}

beforeEach(() => setLimits({}));

describe.each(LANES)("on the %s lane", (lane) => {
  it("an app that requests lists too often gets 429 and the retry time, and its calls still work", async () => {
    const session = await openSession({ server: "crm", lane, as: `asks_${lane}` });
    const other = await openSession({ server: "crm", lane, as: `asks_${lane}` });
    await exhaust(`user_asks_${lane}`, session.token.clientId);
    const answer = await session.request("tools/list");
    expect(answer.status).toBe(429);
    expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(answer.error?.message).toContain("Ask again in");
    expect((await session.call("context_get")).isError).toBe(false);
    expect((await other.request("tools/list")).status, "another app of the person").toBe(200);
  });

  it("a call over its limit keeps status 200, so that models read it, with the Retry-After header", async () => {
    const session = await openSession({ server: "crm", lane, as: `calls_${lane}` });
    setLimits({ callsPerClient: 1 });
    await session.call("context_get");
    const answer = await session.request("tools/call", { name: "context_get", arguments: {} });
    expect(answer.status).toBe(200);
    const { error } = JSON.parse(answer.result.content[0].text);
    expect(error.code).toBe("rate_limited");
    expect(answer.headers.get("retry-after")).toBe(String(error.retry_after));
  });
});

describe("programs and visitors from one address", () => {
  it.each([
    ["/oauth/token", "POST", "token", "application/json", 401],
    ["/authorize", "GET", "authorize", "text/html", 400],
  ])("%s answers 429 with Retry-After once they ask too often", async (path, method, what, type, usual) => {
    const ask = (address: string) =>
      exports.default.fetch(new URL(path, env.PUBLIC_URL), {
        method,
        redirect: "manual",
        headers: { "CF-Connecting-IP": address, Accept: "text/html" },
        ...(method === "POST" && { body: new URLSearchParams({ grant_type: "none" }) }),
      });
    const address = `198.51.100.${what.length}`;
    expect((await ask(address)).status).toBe(usual);
    await changeCounters("UPDATE counters SET count = 1000000");
    const answer = await ask(address);
    expect(answer.status).toBe(429);
    expect(Number(answer.headers.get("Retry-After"))).toBeGreaterThan(0);
    expect(answer.headers.get("Content-Type")).toContain(type);
    expect((await ask("203.0.113.99")).status).toBe(usual);
  });
});

it("the limit of requests other than calls is exact, refills with time, and belongs to one app", () => {
  const limiter = new RequestLimiter();
  const from = 1_000_000;
  for (let request = 0; request < REQUESTS_PER_MINUTE; request += 1) expect(limiter.take("a", from)).toBe(0);
  expect(limiter.take("a", from)).toBe(60);
  expect(limiter.take("a", from + 59_001)).toBe(1);
  expect(limiter.take("b", from)).toBe(0);
  expect(limiter.take("a", from + 60_000)).toBe(0);
});
