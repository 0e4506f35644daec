import { env } from "cloudflare:workers";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { withGrantStore } from "../../workers/gateway/grants/grant-storage.ts";

/** One step of a client of KV. Keys are the tails of real ones. */
type Operation =
  | { do: "put"; key: string; value: string; metadata?: unknown; expirationTtl?: number }
  | { do: "get" | "getJson" | "delete"; key: string }
  | { do: "walk"; prefix: string; limit: number };

const keyArbitrary = fc.oneof(
  fc.constantFrom("a", "b", "ab", "é", "z", "Z").map((id) => `grant:USER:${id}`),
  fc.constantFrom("1", "2", "10", "é").map((id) => `token:USER:kept:${id}`),
);

const putArbitrary: fc.Arbitrary<Operation> = fc
  .record(
    {
      key: keyArbitrary,
      value: fc.json(),
      metadata: fc.oneof(fc.constant(null), fc.record({ clientId: fc.string() })),
      expirationTtl: fc.integer({ min: 60, max: 100_000 }),
    },
    { requiredKeys: ["key", "value"] },
  )
  .map((put) => ({ do: "put", ...put }));

const operationArbitrary: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 3, arbitrary: putArbitrary },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constantFrom("get", "getJson", "delete"), key: keyArbitrary }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("walk" as const),
      prefix: fc.constantFrom("grant:USER:", "grant:USER:a", "token:USER:", "token:USER:kept:1"),
      limit: fc.integer({ min: 1, max: 5 }),
    }),
  },
);

/** Runs one step and returns all that a client sees of it. Cursors are opaque, so only their pages count. */
async function perform(kv: KVNamespace, user: string, operation: Operation): Promise<unknown> {
  if (operation.do === "walk") {
    const pages: unknown[] = [];
    let cursor: string | undefined;
    do {
      const page = await kv.list({
        prefix: operation.prefix.replace("USER", user),
        limit: operation.limit,
        ...(cursor !== undefined && { cursor }),
      });
      // The two clocks may differ by a second.
      pages.push(
        page.keys.map(({ name, expiration, metadata }) => [
          name,
          expiration === undefined ? null : Math.round(expiration / 30),
          metadata ?? null,
        ]),
      );
      cursor = page.list_complete ? undefined : page.cursor;
    } while (cursor !== undefined);
    return pages;
  }
  const key = operation.key.replace("USER", user);
  switch (operation.do) {
    case "put": {
      const { value, metadata, expirationTtl } = operation;
      return await kv.put(key, value, {
        ...(metadata !== undefined && { metadata }),
        ...(expirationTtl !== undefined && { expirationTtl }),
      });
    }
    case "get":
      return await kv.get(key);
    case "getJson":
      return await kv.get(key, { type: "json" });
    case "delete":
      return await kv.delete(key);
  }
}

describe("the grant store", () => {
  it("answers every sequence of KV operations as KV does", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(operationArbitrary, { minLength: 1, maxLength: 30 }), async (operations) => {
        const user = crypto.randomUUID();
        const store = withGrantStore(env).OAUTH_KV;
        for (const kv of [store, env.OAUTH_KV]) await kv.put(`grant:${user}:kept`, "{}");
        for (const operation of operations) {
          const expected = await perform(env.OAUTH_KV, user, operation);
          expect(await perform(store, user, operation)).toEqual(expected);
        }
      }),
      { numRuns: 60 },
    );
  }, 60_000);

  it.each([
    ["a lifetime under a minute", { expirationTtl: 59 }],
    ["an end in the past", { expiration: 1_000_000_000 }],
  ])("refuses %s, as KV does", async (_case, options) => {
    const key = `grant:${crypto.randomUUID()}:a`;
    for (const kv of [withGrantStore(env).OAUTH_KV, env.OAUTH_KV]) {
      await expect(kv.put(key, "{}", options)).rejects.toThrow();
      expect(await kv.get(key)).toBeNull();
    }
  });

  it.each(["client:a", "transaction:a"])("leaves %s in KV", async (key) => {
    const store = withGrantStore(env).OAUTH_KV;
    await store.put(key, '{"v":1}', { expirationTtl: 60 });
    expect(await env.OAUTH_KV.get(key, "json")).toEqual({ v: 1 });
    expect(await store.get(key, { type: "json" })).toEqual({ v: 1 });
    expect((await store.list({ prefix: key })).keys).toHaveLength(1);
    await store.delete(key);
    expect(await env.OAUTH_KV.get(key)).toBeNull();
  });

  it.each(["enterprise-jti:", "client-assertion-jti:"])(
    "of eight requests that look for the marker %s of an assertion, one finds none",
    async (prefix) => {
      const key = `${prefix}${crypto.randomUUID()}`;
      const found = await Promise.all(
        Array.from({ length: 8 }, async () => {
          const store = withGrantStore(env).OAUTH_KV;
          const marker = await store.get(key);
          if (marker === null) await store.put(key, "1", { expirationTtl: 60 });
          return marker;
        }),
      );
      expect(found.filter((marker) => marker === null)).toHaveLength(1);
      expect(await env.OAUTH_KV.get(key)).toBeNull();
    },
  );

  it("writes no grant and no token to KV", async () => {
    const user = crypto.randomUUID();
    const store = withGrantStore(env).OAUTH_KV;
    await store.put(`grant:${user}:a`, "{}");
    await store.put(`token:${user}:a:1`, "{}");
    expect((await env.OAUTH_KV.list({ prefix: `grant:${user}` })).keys).toEqual([]);
    expect((await env.OAUTH_KV.list({ prefix: `token:${user}` })).keys).toEqual([]);
  });

  it("reports that it cannot list across users", async () => {
    await expect(withGrantStore(env).OAUTH_KV.list({ prefix: "grant:" })).rejects.toThrow("per user");
  });

  it.each(["token:::", "token:a", "grant:", `token:user:grant:${"x".repeat(600)}`])(
    "has nothing at the malformed key %s",
    async (key) => {
      expect(await withGrantStore(env).OAUTH_KV.get(key)).toBeNull();
    },
  );
});
