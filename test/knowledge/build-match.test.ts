import { env } from "cloudflare:workers";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { buildMatch, readQuestion } from "../../workers/knowledge/search/build-match.ts";
import { tokenize } from "../../workers/knowledge/search/tokenize.ts";
import { expandPrefixes } from "../../workers/knowledge/store/spell-beginnings.ts";
import { NOON, openTestStore, saveArticles } from "./fixture.ts";

/** One word for every rule of Porter's algorithm. */
const WORDS = `caresses ponies ties caress cats feed agreed plastered bled motoring sing conflated troubled sized
hopping tanned falling hissing fizzed failing filing happy sky relational conditional rational valenci hesitanci
digitizer conformabli radicalli differentli vileli analogousli vietnamization predication operator feudalism
decisiveness hopefulness callousness formaliti sensitiviti sensibiliti triplicate formative formalize electriciti
electrical hopeful goodness revival allowance inference airliner gyroscopic adjustable defensible irritant
replacement adjustment dependent adoption homologou communism activate angulariti homologous effective bowdlerize
probate rate cease controll roll analogies skies yes yyy ion sion lion eed yves ypres`;

beforeAll(async () => {
  await saveArticles();
  const draft = { collection: "engineering", title: "Word list", body: WORDS, tags: [] };
  await openTestStore().createArticle(draft, NOON);
});

const matchOf = (text: string) => buildMatch(readQuestion(text));

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
  it("is valid for SQLite, for any input", async () => {
    await fc.assert(
      fc.asyncProperty(question, async (text) => {
        const match = matchOf(text);
        if (match !== null) expect(await countMatches(match)).toBeGreaterThanOrEqual(0);
      }),
      { numRuns: 300 },
    );
  });

  it("contains only quoted words, stars, brackets, OR and AND", () => {
    fc.assert(
      fc.property(question, (text) => {
        const syntax = (matchOf(text) ?? "")
          .replace(/"[\p{L}\p{N}\p{M}\p{Co} ]+"/gu, "")
          .replace(/ OR | AND /g, "");
        expect(syntax).toMatch(/^[ *()]*$/);
      }),
    );
  });

  it("omits stop words, unless there are no other words", () => {
    expect(matchOf("What is the refund policy?")).toBe('"refund" OR "policy"');
    expect(matchOf("who are we")).toBe('"who" OR "are" OR "we"');
    expect(matchOf("?!…")).toBeNull();
  });

  it("demands what stands in quotes and ranks by the other words", () => {
    expect(matchOf('"money back" refund')).toBe('"money back" AND ("money back" OR "refund")');
  });

  it("is limited for a query of any length", () => {
    const words = Array.from({ length: 5_000 }, (_, n) => `word${n}`).join(" ");
    expect(matchOf(words)?.split(" OR ").length).toBeLessThanOrEqual(40);
    expect(matchOf('"a" '.repeat(1_000))?.split(" AND ").length).toBeLessThanOrEqual(5);
  });
});

describe("stems", () => {
  it("are those of the full-text index, word by word", async () => {
    const words = WORDS.split(/\s+/);
    for (const word of words) {
      const { results } = await env.KNOWLEDGE_DB.prepare(
        "SELECT count(*) AS n FROM passages_terms WHERE term = ?1 AND ?2 = ?2",
      )
        .bind(tokenize(word)[0], word)
        .all<{ n: number }>();
      expect([word, results[0]?.n]).toEqual([word, 1]);
    }
  });

  it("fold case and accents and never fail, for any text", () => {
    expect(tokenize("Café CRÈME, naïve-ties")).toEqual(["cafe", "creme", "naiv", "ti"]);
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        for (const stem of tokenize(text)) expect(stem).not.toBe("");
      }),
    );
  });
});

describe("a prefix", () => {
  it("finds the passages of every word that begins with it, and of no other", async () => {
    const db = env.KNOWLEDGE_DB;
    const { results } = await db
      .prepare("SELECT id, title || ' ' || heading || ' ' || body || ' ' || tags AS text FROM passages")
      .all<{ id: number; text: string }>();
    const passages = results.map(({ id, text }) => ({ id, stems: tokenize(text) }));
    const stems = passages.flatMap((passage) => passage.stems);
    const beginnings = new Set(stems.flatMap((stem) => [2, 3, 5].map((length) => stem.slice(0, length))));
    for (const beginning of [...beginnings].filter(({ length }) => length > 1)) {
      const match = buildMatch(await expandPrefixes(db, readQuestion(`${beginning}*`)));
      const { results: found } = await db
        .prepare("SELECT rowid AS id FROM passages_index WHERE passages_index MATCH ? ORDER BY rowid")
        .bind(`{title heading body tags} : (${match})`)
        .all<{ id: number }>();
      const cut = ["e", "ion"].map((ending) => tokenize(beginning + ending)[0]);
      const fits = (stem: string) => stem.startsWith(beginning) || cut.includes(stem);
      const expected = passages.filter((passage) => passage.stems.some(fits)).map(({ id }) => id);
      expect([beginning, found.map(({ id }) => id)]).toEqual([beginning, expected]);
    }
  });

  it("stays a prefix where no word begins with it, or where more words do than an expansion has", async () => {
    const spell = async (text: string) =>
      buildMatch(await expandPrefixes(env.KNOWLEDGE_DB, readQuestion(text)));
    await openTestStore().createArticle(
      {
        collection: "engineering",
        title: "Parts",
        body: Array.from({ length: 501 }, (_, n) => `quark${n}`).join(" "),
        tags: [],
      },
      NOON,
    );
    for (const text of ["zzqx*", "quark*"]) expect(await spell(text)).toBe(buildMatch(readQuestion(text)));
    expect(await spell("réfu*")).toBe(await spell("refu*"));
    expect(await spell("quark49*")).toMatch(/^"quark49" OR "quark490" OR .* OR "quark499" OR /);
  });
});

describe("search", () => {
  const find = async (text: string) =>
    (await openTestStore().searchArticles({ question: text, limit: 5 })).hits.map((hit) => hit.slug);

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

  it("ranks the article about a word before one that mentions it", async () => {
    expect((await find("invoice refund")).slice(0, 2)).toEqual(["refund-policy", "travel-and-expenses"]);
  });

  it("finds quoted words only next to each other", async () => {
    expect(await find('"hotel sends the invoice"')).toEqual(["travel-and-expenses"]);
    expect(await find('"invoice the hotel sends"')).toEqual([]);
  });

  it("names each article once and pages without gaps or repeats", async () => {
    const store = openTestStore();
    const question = "refund invoice rota session hotel";
    const { hits: all } = await store.searchPassages({ question, limit: 50 });
    const paged = [];
    for (let offset = 0; offset < all.length; offset += 2) {
      paged.push(...(await store.searchPassages({ question, limit: 2, offset })).hits);
    }
    expect(paged).toEqual(all);
    const slugs = await find("refund invoice rota session hotel");
    expect(new Set(slugs).size).toBe(slugs.length);
  });
});
