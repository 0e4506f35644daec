import { env } from "cloudflare:workers";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { buildMatch, buildPairs } from "../../workers/knowledge/search/build-match.ts";
import { NOON, openTestStore, saveArticles } from "./fixture.ts";

beforeAll(saveArticles);

async function countMatches(match: string): Promise<number> {
  const statement = env.KNOWLEDGE_DB.prepare(
    "SELECT count(*) AS n FROM passages_index WHERE passages_index MATCH ?",
  );
  return (await statement.bind(match).first<number>("n")) ?? 0;
}

const question = fc.oneof(
  fc.string({ unit: "binary", maxLength: 80 }),
  fc.string({ unit: "grapheme", maxLength: 80 }),
  fc
    .array(
      fc.constantFrom(
        '"',
        "*",
        "(",
        ")",
        "^",
        ":",
        "-",
        "+",
        "{",
        "}",
        "AND",
        "OR",
        "NOT",
        "NEAR",
        "title",
        "refund",
        " ",
        "\u0000",
      ),
      {
        maxLength: 25,
      },
    )
    .map((parts) => parts.join("")),
);

describe("the full-text query of a question", () => {
  it("is one that SQLite accepts, whatever was typed", async () => {
    await fc.assert(
      fc.asyncProperty(question, async (text) => {
        const match = buildMatch(text);
        if (match !== null) expect(await countMatches(match)).toBeGreaterThanOrEqual(0);
        expect(await countMatches(buildPairs(text))).toBeGreaterThanOrEqual(0);
      }),
      { numRuns: 300 },
    );
  });

  it("holds nothing but quoted words, stars, brackets, OR and AND", () => {
    fc.assert(
      fc.property(question, (text) => {
        const syntax = (buildMatch(text) ?? "")
          .replace(/"[\p{L}\p{N}\p{M}\p{Co} ]+"/gu, "")
          .replace(/ OR | AND /g, "");
        expect(syntax).toMatch(/^[ *()]*$/);
      }),
    );
  });

  it("leaves out stop words, unless there is nothing else", () => {
    expect(buildMatch("What is the refund policy?")).toBe('"refund" OR "policy"');
    expect(buildMatch("who are we")).toBe('"who" OR "are" OR "we"');
    expect(buildMatch("?!…")).toBeNull();
  });

  it("pairs neighbouring words, but not across stop words, and matches nothing without a pair", async () => {
    expect(buildPairs("refund policy for annual plans")).toBe('"refund policy" OR "annual plans"');
    expect(await countMatches(buildPairs("refund"))).toBe(0);
  });

  it("demands what stands in quotes and ranks by the other words", () => {
    expect(buildMatch('"money back" refund')).toBe('"money back" AND ("money back" OR "refund")');
  });

  it("stays bounded for endless questions", () => {
    const words = Array.from({ length: 5_000 }, (_, n) => `word${n}`).join(" ");
    expect(buildMatch(words)?.split(" OR ").length).toBeLessThanOrEqual(40);
    expect(buildMatch('"a" '.repeat(1_000))?.split(" AND ").length).toBeLessThanOrEqual(5);
  });
});

describe("search", () => {
  const find = async (text: string) =>
    (await openTestStore().searchArticles({ question: text, limit: 5 })).map((hit) => hit.slug);

  it.each([
    ["how do I get my money back", "refund-policy"],
    ["refunding customers", "refund-policy"],
    ["hotel price per night", "travel-and-expenses"],
    ["reimbursement", "travel-and-expenses"],
    ["which severity is it when customers can't work", "incident-process"],
    ["hibernat*", "hibernation-of-sessions"],
    ["Who is on call?", "incident-process"],
  ])("answers %j with %s first", async (text, slug) => {
    expect((await find(text))[0]).toBe(slug);
  });

  it("prefers the article that is about a word to one that mentions it", async () => {
    expect((await find("invoice refund")).slice(0, 2)).toEqual(["refund-policy", "travel-and-expenses"]);
  });

  it("prefers the passage where the words stand together", async () => {
    const store = openTestStore();
    for (const [title, body] of [
      ["Apart", "The limit is high and the rate is low, says the chart of the year."],
      ["Together", "The rate limit is high and the rest is low, says the chart of it."],
    ] as const) {
      await store.createArticle({ collection: "engineering", title, body, tags: [] }, NOON);
    }
    expect((await find("rate limit")).slice(0, 2)).toEqual(["together", "apart"]);
  });

  it("finds quoted words only where they stand together", async () => {
    expect(await find('"hotel sends the invoice"')).toEqual(["travel-and-expenses"]);
    expect(await find('"invoice the hotel sends"')).toEqual([]);
  });

  it("names each article once and pages without gaps or repeats", async () => {
    const store = openTestStore();
    const all = await store.searchPassages({ question: "refund invoice rota session hotel", limit: 50 });
    const paged = [];
    for (let offset = 0; offset < all.length; offset += 2) {
      paged.push(
        ...(await store.searchPassages({ question: "refund invoice rota session hotel", limit: 2, offset })),
      );
    }
    expect(paged).toEqual(all);
    const slugs = await find("refund invoice rota session hotel");
    expect(new Set(slugs).size).toBe(slugs.length);
  });
});
