import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { searchArticles } from "../../workers/knowledge/store/search-passages.ts";
import { NOON, openTestStore, saveArticles } from "./fixture.ts";

beforeAll(async () => {
  await saveArticles();
  const store = openTestStore();
  for (const [title, body] of [
    ["Kettles", "The kettle and the samovar boil water for tea."],
    ["Samovars", "A samovar keeps tea hot. Samovar makers live in Tula."],
    ["Tula", "Tula is a town. Its makers forge brass."],
    ["Brass", "Brass is an alloy. A kettle may be of brass."],
  ] as const) {
    await store.createArticle({ collection: "engineering", title, body, tags: [] }, NOON);
  }
});

/** The database as it is, but counting stems fails or never ends after the first `healthy` times. */
function breakCounting(
  healthy: number,
  failing: () => Promise<never>,
): { db: D1Database; asked: () => number } {
  let asked = 0;
  const db = new Proxy(env.KNOWLEDGE_DB, {
    get(target, property) {
      if (property !== "prepare") return Reflect.get(target, property).bind(target);
      return (sql: string) => {
        if (!sql.includes("passages_terms")) return target.prepare(sql);
        return ++asked > healthy ? { bind: () => ({ all: failing }) } : target.prepare(sql);
      };
    },
  });
  return { db, asked: () => asked };
}

describe("feedback from the best passages", () => {
  const request = { question: "samovar kettle", limit: 10 };

  it.each([
    ["fails", () => Promise.reject(new Error("D1 is away"))],
    ["never ends", () => new Promise<never>(() => {})],
  ])("leaves the first ranking in place when it %s", async (_what, failing) => {
    const { db, asked } = breakCounting(1, failing);
    const { hits } = await searchArticles(db, request, { hidden: [] });
    expect(asked()).toBe(2);
    const whole = await searchArticles(env.KNOWLEDGE_DB, request, { hidden: [] });
    expect(hits.map(({ slug }) => slug).sort()).toEqual(whole.hits.map(({ slug }) => slug).sort());
    expect(hits[0]?.slug).toBe("kettles");
    expect(hits.map(({ score }) => score)).not.toEqual(whole.hits.map(({ score }) => score));
  });

  it("gives one question one order", async () => {
    const first = await searchArticles(env.KNOWLEDGE_DB, request, { hidden: [] });
    expect(await searchArticles(env.KNOWLEDGE_DB, request, { hidden: [] })).toEqual(first);
  });
});
