import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { countReads } from "../../scripts/bench/count-reads.ts";
import { countPassage, readPassage } from "../../workers/knowledge/search/rank-passages.ts";
import { smoothScores } from "../../workers/knowledge/search/smooth-scores.ts";
import { indexPending } from "../../workers/knowledge/store/index-passages.ts";
import { searchArticles, searchPassages } from "../../workers/knowledge/store/search-passages.ts";
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

/** The real database, except that counting stems fails or never ends after the first `healthy` times. */
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
  ])("keeps the first ranking when it %s", async (_what, failing) => {
    const { db, asked } = breakCounting(1, failing);
    const { hits } = await searchArticles(db, request, { hidden: [] });
    expect(asked()).toBe(2);
    const whole = await searchArticles(env.KNOWLEDGE_DB, request, { hidden: [] });
    expect(hits.map(({ slug }) => slug).sort()).toEqual(whole.hits.map(({ slug }) => slug).sort());
    expect(hits[0]?.slug).toBe("kettles");
    expect(hits.map(({ score }) => score)).not.toEqual(whole.hits.map(({ score }) => score));
  });

  it("gives one query one order", async () => {
    const first = await searchArticles(env.KNOWLEDGE_DB, request, { hidden: [] });
    expect(await searchArticles(env.KNOWLEDGE_DB, request, { hidden: [] })).toEqual(first);
  });
});

describe("a word that no article has", () => {
  it("is read as its nearest neighbour, and a known one as itself", async () => {
    const find = async (question: string) =>
      (await openTestStore().searchArticles({ question, limit: 3 })).hits.map(({ slug }) => slug);
    expect((await find("samoavr"))[0]).toBe("samovars");
    expect((await find("chargbacks"))[0]).toBe("refund-policy");
    expect((await find("brass kettel"))[0]).toBe("brass");
    expect(await find("xylophone")).toEqual([]);
    expect(await find('"samoavr"')).toEqual([]);
  });

  it("stays unchanged where it is a word of the language", async () => {
    const store = openTestStore();
    const draft = { collection: "engineering", title: "Denials", body: "A denial is logged.", tags: [] };
    await store.createArticle(draft, NOON);
    const find = async (question: string) => (await store.searchArticles({ question, limit: 3 })).hits;
    expect(await find("dental")).toEqual([]);
    expect((await find("deniall"))[0]?.slug).toBe("denials");
  });
});

describe("passages that are alike", () => {
  const passages = [
    "samovar brass kettle tea water steam",
    "samovar brass kettle tea water spout",
    "brass kettle tea water steam spout",
    "parking bikes trains planes hotels invoices",
  ].map((body, index) =>
    countPassage(readPassage({ id: index + 1, title: "", heading: "", body, tags: "" })),
  );

  it("support each other: a passage similar to good ones rises above others", () => {
    const scores = smoothScores(
      passages,
      new Map([
        [1, 3],
        [2, 3],
        [3, 1],
        [4, 1],
      ]),
    );
    expect(scores.get(3)).toBeGreaterThan(1);
    expect(scores.get(4)).toBe(1);
    expect(scores.get(1)).toBeGreaterThan(scores.get(3) ?? 0);
  });

  it("keep equal scores equal", () => {
    const scores = smoothScores(passages, new Map(passages.map(({ id }) => [id, 2])));
    for (const score of scores.values()) expect(score).toBeCloseTo(2, 10);
  });
});

describe("the confidence of an answer", () => {
  const ask = async (question: string) =>
    (await openTestStore().searchArticles({ question, limit: 3 })).confidence;

  it("is high where a passage covers the query, and low where it covers a small part of it", async () => {
    expect(await ask("refund a payment in dispute")).toBeGreaterThan(0.9);
    expect(await ask("swimming pool opening hours for customers")).toBeLessThan(0.5);
    expect(await ask("xylophone")).toBe(0);
  });
});

describe("quotes", () => {
  const find = async (question: string) =>
    (await openTestStore().searchArticles({ question, limit: 3 })).hits.map(({ slug }) => slug);

  it("are required in a short query, and not in longer prose with a citation", async () => {
    expect(await find('refund "money again"')).toEqual([]);
    const prose =
      'Which refund policy covers payments in dispute, as the essay "Money again and again" asks?';
    expect((await find(prose))[0]).toBe("refund-policy");
  });
});

describe("a query of frequent words over many passages", () => {
  it("reads a limited number of them, and ranks those with the words in the title first", async () => {
    const store = openTestStore();
    const plain = await store.createArticle(
      { collection: "engineering", title: "Notes", body: "Text.", tags: [] },
      NOON,
    );
    await env.KNOWLEDGE_DB.prepare(
      `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 6000)
      INSERT INTO passages (article_id, collection, ordinal, level, anchor, title, heading, body, tags)
      SELECT ?1, 'c' || ?2, i, 1, 'a' || i, 'Notes', '', 'the turbine hums, note ' || i, '' FROM n`,
    )
      .bind(plain.id, plain.collectionId)
      .run();
    await indexPending(env.KNOWLEDGE_DB, 10_000);
    const draft = { collection: "engineering", title: "Turbine manual", body: "How to oil it.", tags: [] };
    await store.createArticle(draft, NOON);
    const counter = countReads(env.KNOWLEDGE_DB);
    // Word counts are cached for ten minutes; another connection starts with an empty cache.
    const request = { question: "turbine", limit: 10 };
    const { hits } = await searchPassages(counter.db, request, { hidden: [] });
    expect(hits[0]?.slug).toBe("turbine-manual");
    expect(hits).toHaveLength(10);
    expect(counter.take().rows).toBeLessThan(3_000);
    for (const question of ["turb*", '"turbine hums"']) {
      const answer = await searchPassages(counter.db, { question, limit: 5 }, { hidden: [] });
      expect(answer.hits).toHaveLength(5);
      expect(counter.take().rows).toBeLessThan(6_000);
    }
    const mixed = await searchPassages(counter.db, { question: "turbine oil", limit: 3 }, { hidden: [] });
    expect(mixed.hits[0]?.slug).toBe("turbine-manual");
  });
});
