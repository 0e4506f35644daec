import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { countReads } from "../../scripts/bench/count-reads.ts";
import { ARTICLES, QUERIES } from "../../scripts/bench/languages/queries.ts";
import { indexPending } from "../../workers/knowledge/store/index-passages.ts";
import { searchArticles } from "../../workers/knowledge/store/search-passages.ts";
import { LANES, openSession } from "../support/session.ts";
import { NOON, openTestStore } from "./fixture.ts";

beforeAll(async () => {
  const store = openTestStore();
  await store.collections.ensure({ slug: "languages", title: "Languages" }, NOON);
  for (const { title, body } of ARTICLES) {
    await store.createArticle({ collection: "languages", title, body, tags: [] }, NOON);
  }
});

const find = async (question: string) => (await openTestStore().searchArticles({ question, limit: 5 })).hits;

describe("a search in an article's own script", () => {
  it.each(QUERIES)("finds %s for %j (%s)", async (title, query) => {
    expect((await find(query)).map((hit) => hit.title)).toContain(title);
  });

  it("covers at least 60 queries in at least 12 scripts", () => {
    expect(QUERIES.length).toBeGreaterThanOrEqual(60);
    expect(new Set(QUERIES.map(([, , script]) => script)).size).toBeGreaterThanOrEqual(12);
  });

  it("does not find a word that only shares letters with those of a text", async () => {
    for (const query of ["退票", "คน", "休日", "хлеб", "ποτέ"]) expect(await find(query), query).toEqual([]);
  });

  it("marks the found words in the original text", async () => {
    expect((await find("退款"))[0]?.snippet).toContain("**退款**");
    expect((await find("lukasiewicz"))[0]?.snippet).toContain("**Łukasiewicz**");
    expect((await find("елка"))[0]?.snippet).toContain("**Ёлка**");
  });

  it("finds quoted words across scripts only next to each other", async () => {
    expect((await find('"API接口"')).map((hit) => hit.title)).toContain("接口文档");
    expect(await find('"接口API"')).toEqual([]);
  });
});

describe("passages of an earlier index version", () => {
  it("are found by the first search after the upgrade, and are indexed once", async () => {
    const { KNOWLEDGE_DB: db } = env;
    // In the format of the previous version, which does not set the folding.
    await db.batch([
      db.prepare("UPDATE passages SET folded = 0"),
      db.prepare("DELETE FROM passages_index"),
      db.prepare(
        `INSERT INTO passages_index (rowid, title, heading, body, tags, collection)
         SELECT id, title, heading, body, tags, collection FROM passages`,
      ),
    ]);
    // Another isolate, which has no cached state about the folding.
    const { db: other } = countReads(db);
    const { hits } = await searchArticles(other, { question: "退款", limit: 5 }, { hidden: [] });
    expect(hits.map(({ title }) => title)).toContain("退款政策");
    const left = await db.prepare("SELECT count(*) AS n FROM passages WHERE folded = 0").first("n");
    expect(left).toBe(0);
    expect(await indexPending(db, 1_000)).toBe(0);
    const { hits: again } = await searchArticles(other, { question: "istanbul", limit: 5 }, { hidden: [] });
    expect(again.map(({ title }) => title)).toEqual(["Şirket kuralları"]);
  });
});

it.each(LANES)("explains an empty answer when a query has no searchable word (%s)", async (lane) => {
  const session = await openSession({ server: "knowledge", lane });
  for (const [tool, list] of [
    ["search", "results"],
    ["knowledge_search_passages", "passages"],
  ] as const) {
    const { data } = await session.call(tool, { query: "?! … 🙂" });
    expect(data[list]).toEqual([]);
    expect(data.nothing_searched).toMatch(/no letter or digit/);
    expect((await session.call(tool, { query: "zzzz" })).data).not.toHaveProperty("nothing_searched");
  }
});

it("keeps links and addresses unchanged when it marks words", async () => {
  const body =
    "Read [the samovar page](https://kb.example/samovar) or write to samovar@kb.example about a samovar.";
  await openTestStore().createArticle({ collection: "languages", title: "Tea", body, tags: [] }, NOON);
  const [hit] = await find("samovar");
  expect(hit?.snippet).toBe(
    "Read [the **samovar** page](https://kb.example/samovar) or write to samovar@kb.example about a **samovar**.",
  );
});
