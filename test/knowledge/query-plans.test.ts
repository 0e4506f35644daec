import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { countReads, type Statement } from "../../scripts/bench/count-reads.ts";
import { explainStatement, findFullScans, type PlanStep } from "../../scripts/bench/query-plan.ts";
import { KnowledgeStore } from "../../workers/knowledge/store.ts";
import { NOON, openTestStore, saveArticles } from "./fixture.ts";

/** Tables that grow with the knowledge base. `collections` holds 200 rows at most. */
const BIG = [
  "articles",
  "article_versions",
  "passages",
  "passages_index",
  "passages_terms",
  "passages_words",
  "article_tags",
  "feedback",
  "media",
];
const counter = countReads(env.KNOWLEDGE_DB);
let statements: readonly Statement[] = [];

/** A LIMIT bounds a walk along an index in its order, unless the rows are sorted afterwards. */
function isBounded(sql: string, plan: readonly PlanStep[]): boolean {
  return /\bLIMIT\b/.test(sql) && !plan.some((step) => step.does === "sort" && step.over?.does === "walk");
}

beforeAll(async () => {
  await saveArticles();
  await openTestStore().collections.ensure({ slug: "board", title: "Board" }, NOON);
  await openTestStore().collections.share("board", { readers: [], writers: [] });
  const author = { id: "user-robin", name: "Robin" };
  const store = new KnowledgeStore(counter.db, author, "editor", undefined, {
    MEDIA: env.MEDIA,
  });
  for (const collection of [undefined, "handbook"]) {
    await store.searchArticles({ question: 'refund policy "money back" invoic*', collection, limit: 5 });
    await store.searchPassages({ question: "who changes the rota", collection, limit: 5, offset: 1 });
    await store.listArticles({ collection, limit: 5 });
    await store.listArticles({ collection, tag: "returns", limit: 5, offset: 1 });
    await store.listGaps({ collection, limit: 5 }, NOON);
  }
  await store.collections.list();
  await store.readSection("refund-policy", "chargebacks");
  await store.listVersions("refund-policy", { limit: 5 });
  await store.suggestSlugs("polic");
  await store.suggestAnchors("refund-policy", "ch");
  await store.giveFeedback({ verdict: "useful", slug: "refund-policy", question: "", comment: "" }, NOON);
  await store.reviewArticle("refund-policy", { owner: "Finance", reviewOn: "2026-01-01" }, NOON);
  const draft = { collection: "handbook", title: "Plans", body: "Text.", tags: ["a"] };
  const { slug } = await store.createArticle(draft, NOON);
  await store.updateArticle(slug, { expectedVersion: 1, body: "More.", changeNote: "n" }, NOON);
  const upload = { collection: "handbook", title: "Chime", bytes: Buffer.from("ID3"), description: "" };
  const { item } = await store.media.keep(upload, NOON);
  await store.media.list([item.slug]);
  await store.media.writeDescription(item.slug, "A chime.");
  ({ statements } = counter.take());
});

describe("every statement of the knowledge base", () => {
  it("reaches large tables through an index", async () => {
    expect(statements.length).toBeGreaterThan(40);
    const offenders: string[] = [];
    for (const statement of statements) {
      const plan = await explainStatement(env.KNOWLEDGE_DB, statement);
      for (const { does, tables } of findFullScans(plan, BIG)) {
        const isWalk = does === "walk" && isBounded(statement.sql, plan);
        if (!isWalk) offenders.push(`${does} of ${tables} in ${statement.sql}`);
      }
    }
    expect(offenders).toEqual([]);
  });

  it("queries the full-text index with words, a phrase or a row, never for everything", async () => {
    const asked = statements.filter(({ sql }) => /FROM passages_index/.test(sql));
    expect(asked.length).toBeGreaterThan(4);
    for (const { sql } of asked) expect(sql).toMatch(/passages_index MATCH \?/);
  });
});
