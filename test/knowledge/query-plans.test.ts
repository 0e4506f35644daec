import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { KnowledgeStore } from "../../workers/knowledge/store.ts";
import { NOON, openTestStore, saveArticles } from "./fixture.ts";

/** One statement as it was run. */
interface Statement {
  sql: string;
  values: unknown[];
}

/** Tables that grow with the knowledge base. `collections` holds 200 rows at most. */
const BIG = ["articles", "article_versions", "passages", "article_tags", "feedback", "media"];
const statements: Statement[] = [];

/** The database with every statement written down. */
function recordStatements(db: D1Database): D1Database {
  return new Proxy(db, {
    get(target, property) {
      if (property !== "prepare") return Reflect.get(target, property).bind(target);
      return (sql: string) => {
        const statement = target.prepare(sql);
        const bind = statement.bind.bind(statement);
        statement.bind = (...values: unknown[]) => {
          statements.push({ sql, values });
          return bind(...values);
        };
        return statement;
      };
    },
  });
}

beforeAll(async () => {
  await saveArticles();
  await openTestStore().ensureCollection({ slug: "board", title: "Board" }, NOON);
  await openTestStore().shareCollection("board", { readers: [], writers: [] });
  const author = { id: "user-robin", name: "Robin" };
  const store = new KnowledgeStore(recordStatements(env.KNOWLEDGE_DB), author, "editor", undefined, {
    MEDIA: env.MEDIA,
  });
  for (const collection of [undefined, "handbook"]) {
    await store.searchArticles({ question: 'refund policy "money back" invoic*', collection, limit: 5 });
    await store.searchPassages({ question: "who changes the rota", collection, limit: 5, offset: 1 });
    await store.listArticles({ collection, limit: 5 });
    await store.listArticles({ collection, tag: "returns", limit: 5, offset: 1 });
    await store.listGaps({ collection, limit: 5 }, NOON);
  }
  await store.listCollections();
  await store.readSection("refund-policy", "chargebacks");
  await store.listVersions("refund-policy", { limit: 5 });
  await store.suggestSlugs("polic");
  await store.suggestAnchors("refund-policy", "ch");
  await store.giveFeedback({ verdict: "useful", slug: "refund-policy", question: "", comment: "" }, NOON);
  await store.reviewArticle("refund-policy", { owner: "Finance", reviewOn: "2026-01-01" });
  const draft = { collection: "handbook", title: "Plans", body: "Text.", tags: ["a"] };
  const { slug } = await store.createArticle(draft, NOON);
  await store.updateArticle(slug, { expectedVersion: 1, body: "More.", changeNote: "n" }, NOON);
  const upload = { collection: "handbook", title: "Chime", bytes: Buffer.from("ID3"), description: "" };
  const { item } = await store.media.keep(upload, NOON);
  await store.media.list([item.slug]);
  await store.media.writeDescription(item.slug, "A chime.");
});

describe("every statement of the knowledge base", () => {
  it("reaches large tables through an index", async () => {
    expect(statements.length).toBeGreaterThan(40);
    const offenders: string[] = [];
    for (const { sql, values } of statements) {
      const { results } = await env.KNOWLEDGE_DB.prepare(`EXPLAIN QUERY PLAN ${sql}`)
        .bind(...values)
        .all<{ detail: string }>();
      const aliases = new Map(
        [...sql.matchAll(/\b(?:FROM|JOIN)\s+(\w+)\s+(?:AS\s+)?([a-z])\b/g)].map(([, table, alias]) => [
          alias,
          table,
        ]),
      );
      for (const { detail } of results) {
        const [, scanned, how = ""] = /^SCAN (\w+)(.*)/.exec(detail) ?? [];
        if (scanned === undefined || !BIG.includes(aliases.get(scanned) ?? scanned)) continue;
        // Walking an index in its order up to a LIMIT is bounded; so is finding the highest row id.
        const bounded =
          /USING (?:COVERING )?INDEX/.test(how) && /LIMIT/.test(sql) && !/TEMP B-TREE FOR ORDER/.test(detail);
        if (!bounded && !/max\(id\)/.test(sql)) offenders.push(`${detail} in ${sql}`);
      }
    }
    expect(offenders).toEqual([]);
  });

  it("asks the full-text index with words, a phrase or a row, never for everything", async () => {
    const asked = statements.filter(({ sql }) => /FROM passages_index/.test(sql));
    expect(asked.length).toBeGreaterThan(5);
    for (const { sql } of asked) expect(sql).toMatch(/passages_index MATCH \?/);
  });
});
