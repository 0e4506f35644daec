import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { describeCached, olderOf, readCached } from "../../shared/call/cached-answer.ts";
import { type CachedRead, cacheKeyOf } from "../../shared/connections/cache-key.ts";
import { connectionEntry } from "../../shared/connections/entry.ts";
import type { JsonValue } from "../../shared/encoding/json.ts";
import type { ConnectionAnswer } from "../../shared/objects/connection-gate.ts";
import { AnswerCache } from "../../workers/objects/connections/answer-cache.ts";

const word = fc.string({ maxLength: 6 });
const treatment = fc.constantFrom("show", "mask", "drop");
const settings = fc.dictionary(word, word, { maxKeys: 3 });
const anyRead = fc.record({
  connection: word,
  revision: word,
  publication: fc.nat(9),
  person: word,
  role: word,
  masks: fc.record({
    fields: fc.record({ public: treatment, internal: treatment, pii: treatment, secret: treatment }),
    text: fc.subarray(["pii", "secret"]),
  }),
  tool: word,
  operation: word,
  arguments: fc.dictionary(word, fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 }),
  identity: settings,
}) as fc.Arbitrary<CachedRead>;

/** The same value with the members of every object in the reverse sequence. */
function reverse(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(reverse);
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([name, inner]) => [name, reverse(inner)]),
  );
}

/** Equal as JSON values, whatever the sequence of members. */
function isSame(one: unknown, other: unknown): boolean {
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null)
    return JSON.stringify(one) === JSON.stringify(other);
  const [names, others] = [Object.keys(one), Object.keys(other)];
  if (Array.isArray(one) !== Array.isArray(other) || names.length !== others.length) return false;
  return names.every(
    (name) =>
      Object.hasOwn(other, name) &&
      isSame((one as Record<string, unknown>)[name], (other as Record<string, unknown>)[name]),
  );
}

describe("the key of a kept answer", () => {
  it("is the same for the same read, whatever the sequence of its members", () => {
    fc.assert(fc.property(anyRead, (read) => cacheKeyOf(reverse(read) as CachedRead) === cacheKeyOf(read)));
  });

  it("differs as soon as one part differs: person, role, masks, publication or any other", () => {
    fc.assert(
      fc.property(anyRead, anyRead, (one, other) => {
        for (const part of Object.keys(one) as (keyof CachedRead)[]) {
          const changed = { ...one, [part]: other[part] };
          expect(cacheKeyOf(changed) === cacheKeyOf(one), part).toBe(isSame(one[part], other[part]));
        }
      }),
    );
  });

  it("does not let one part pass for another", () => {
    fc.assert(
      fc.property(
        anyRead,
        fc.subarray(["connection", "revision", "person", "role", "tool", "operation"], {
          minLength: 2,
          maxLength: 2,
        }),
        (read, [one = "role", other = "tool"]) => {
          const parts = read as unknown as Record<string, string>;
          const swapped = { ...parts, [one]: parts[other], [other]: parts[one] } as unknown as CachedRead;
          return (cacheKeyOf(swapped) === cacheKeyOf(read)) === (parts[one] === parts[other]);
        },
      ),
    );
  });
});

/** A cache with a clock that stands still, and a system that counts how often it is asked. */
function open(bounds?: { answers: number; bytes: number }) {
  let now = 1_000;
  let asked = 0;
  let isAway = false;
  const work: Promise<unknown>[] = [];
  const cache = new AnswerCache(bounds, () => now);
  const read = async (): Promise<ConnectionAnswer> => {
    asked += 1;
    return isAway
      ? { ok: false, failure: { code: "unavailable", message: "Away." } }
      : { ok: true, value: asked };
  };
  return {
    cache,
    ask: (key: string, how: () => Promise<ConnectionAnswer> = read) =>
      cache.answer({ key, freshMs: 10, staleMs: 20 }, how, (one) => void work.push(one)),
    settle: () => Promise.all(work.splice(0)),
    pass(ms: number) {
      now += ms;
    },
    fail(away: boolean) {
      isAway = away;
    },
    asked: () => asked,
  };
}

describe("the cache of an object", () => {
  it("gives an answer again while it is fresh, then as stale while it is read again", async () => {
    const { ask, pass, settle, asked } = open();
    expect(await ask("a")).toEqual({ ok: true, value: 1 });
    pass(9);
    expect(await ask("a")).toEqual({ ok: true, value: 1, cached: { readAt: 1_000, stale: false } });
    pass(1);
    const stale = { ok: true, value: 1, cached: { readAt: 1_000, stale: true } };
    expect(await Promise.all([ask("a"), ask("a")])).toEqual([stale, stale]);
    await settle();
    expect(asked()).toBe(2);
    expect(await ask("a")).toEqual({ ok: true, value: 2, cached: { readAt: 1_010, stale: false } });
    expect(await ask("b")).toEqual({ ok: true, value: 3 });
  });

  it("gives a stale answer to its end while the other system is away, and no longer", async () => {
    const { ask, pass, settle, fail } = open();
    await ask("a");
    fail(true);
    for (const ms of [10, 10, 9]) {
      pass(ms);
      expect(await ask("a")).toMatchObject({ value: 1, cached: { stale: true } });
      await settle();
    }
    pass(1);
    expect(await ask("a")).toMatchObject({ ok: false, failure: { code: "unavailable" } });
    fail(false);
    expect(await ask("a")).toEqual({ ok: true, value: 6 });
  });

  it.each(["forbidden", "not_found", "invalid_input", "account_needed", "result_too_large"] as const)(
    "drops a stale answer that the other system refuses to give again: %s",
    async (code) => {
      const { cache, ask, pass, settle } = open();
      const refuse = async (): Promise<ConnectionAnswer> => ({
        ok: false,
        failure: { code, message: "No." },
      });
      await ask("a");
      pass(10);
      expect(await ask("a", refuse)).toMatchObject({ value: 1, cached: { stale: true } });
      await settle();
      expect(cache.size).toBe(0);
      expect(await ask("a", refuse)).toMatchObject({ ok: false, failure: { code } });
    },
  );

  it("leaves a stale answer in use while the other system is too slow", async () => {
    const { ask, pass, settle } = open();
    const late = async (): Promise<ConnectionAnswer> => ({
      ok: false,
      failure: { code: "timeout", message: "Late." },
    });
    await ask("a");
    pass(10);
    await ask("a", late);
    await settle();
    expect(await ask("a", late)).toMatchObject({ value: 1, cached: { stale: true } });
  });

  it("neither keeps a part of an answer nor puts it in the place of a whole one", async () => {
    const { cache, ask, pass, settle } = open();
    const part = async (): Promise<ConnectionAnswer> => ({ ok: true, value: "a part", keep: false });
    expect(await ask("b", part)).toMatchObject({ value: "a part" });
    expect(cache.size).toBe(0);
    await ask("a");
    pass(10);
    await ask("a", part);
    await settle();
    expect(await ask("a", part)).toMatchObject({ value: 1, cached: { readAt: 1_000, stale: true } });
  });

  it("drops answers whose time is over as soon as any is looked up", async () => {
    const { cache, ask, pass, fail } = open();
    await ask("a");
    pass(30);
    fail(true);
    await ask("b");
    expect(cache.size).toBe(0);
  });

  it("gives each caller a value of its own", async () => {
    const { ask } = open();
    const rows = async (): Promise<ConnectionAnswer> => ({ ok: true, value: { rows: [1] } });
    await ask("a", rows);
    const [one, other] = [await ask("a"), await ask("a")].map((answer) => answer.ok && answer.value);
    expect(one).toEqual({ rows: [1] });
    expect(other).toEqual(one);
    expect(other).not.toBe(one);
  });

  it("forgets everything at once, the answer of a read under way too", async () => {
    const { cache, ask } = open();
    await ask("a");
    const { promise, resolve } = Promise.withResolvers<ConnectionAnswer>();
    const late = ask("b", () => promise);
    cache.clear();
    resolve({ ok: true, value: "read with what was in force before" });
    expect(await late).toMatchObject({ value: "read with what was in force before" });
    expect(cache.size).toBe(0);
    expect(await ask("a")).toEqual({ ok: true, value: 2 });
    expect((await ask("b")) as object).not.toHaveProperty("cached");
  });

  it("holds no more answers and bytes than its bounds, and keeps those that are used", async () => {
    const of = (value: JsonValue) => async (): Promise<ConnectionAnswer> => ({ ok: true, value });
    const few = open({ answers: 2, bytes: 1_000 });
    for (const key of ["a", "b", "a", "c"]) await few.ask(key);
    expect(few.cache.size).toBe(2);
    expect(await few.ask("a")).toMatchObject({ value: 1, cached: { stale: false } });
    expect(await few.ask("b")).toEqual({ ok: true, value: 4 });
    const small = open({ answers: 100, bytes: 100 });
    for (const key of ["a", "b", "c"]) await small.ask(key, of("x".repeat(20)));
    expect(small.cache.size).toBe(2);
    await small.ask("d", of("x".repeat(60)));
    expect(small.cache.size).toBe(0);
  });
});

describe("what a result says of its cache", () => {
  it("is in `_meta`, with a sentence if it is stale", () => {
    const fresh = describeCached({ readAt: 0, stale: false }, 4_000);
    expect(fresh).toEqual({
      meta: { "gatehouse/cache": { read_at: "1970-01-01T00:00:00.000Z", age_seconds: 4, stale: false } },
      sentence: null,
    });
    const stale = describeCached({ readAt: 0, stale: true }, 61_000);
    expect(stale.sentence).toBe("This answer is stale: it comes from a cache and was read 61 seconds ago.");
    expect(readCached(stale.meta)).toEqual({ readAt: 0, stale: true });
    expect(readCached({})).toBeUndefined();
  });

  it("is of the part that is stale, or else of the older one", () => {
    const [fresh, old, stale] = [
      { readAt: 2, stale: false },
      { readAt: 1, stale: false },
      { readAt: 3, stale: true },
    ] as const;
    expect(olderOf(undefined, fresh)).toBe(fresh);
    expect(olderOf(fresh, old)).toBe(old);
    expect(olderOf(old, stale)).toBe(stale);
    expect(olderOf(stale, old)).toBe(stale);
  });
});

describe("`cache` in an entry", () => {
  const entry = (more: object) =>
    connectionEntry.safeParse({
      kind: "postgresql",
      title: "Shop",
      description: "Orders.",
      owner: "x",
      reach: { host: "127.0.0.1", database: "shop", user: "reader" },
      expose: { tables: ["public.*"] },
      ...more,
    });
  const query = (more: object) => ({
    queries: { one: { title: "One", description: "One.", sql: "SELECT 1", ...more } },
  });

  it("is off unless the entry or a named query that reads says so", () => {
    expect(entry({}).data).not.toHaveProperty("cache");
    expect(entry({ cache: { fresh: 30 } }).data).toMatchObject({ cache: { fresh: 30, stale: 0 } });
    expect(entry(query({ cache: { fresh: 30, stale: 600 } })).success).toBe(true);
    for (const wrong of [{ fresh: 0 }, { stale: 10 }, { fresh: 10, stale: -1 }, { fresh: 10, satle: 5 }])
      expect(entry({ cache: wrong }).success, JSON.stringify(wrong)).toBe(false);
    expect(entry(query({ effect: "update", cache: { fresh: 30 } })).success).toBe(false);
  });
});
