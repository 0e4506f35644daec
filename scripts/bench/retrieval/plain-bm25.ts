import { STOP_WORDS } from "../../../workers/knowledge/search/stop-words.ts";
import type { Ranker } from "./judged-set.ts";

const CREATE = `CREATE VIRTUAL TABLE plain USING fts5 (title, text, slug UNINDEXED, tokenize = 'porter unicode61')`;
const FILL = `INSERT INTO plain (title, text, slug) SELECT a.title, v.body, a.slug
  FROM articles a JOIN article_versions v ON v.article_id = a.id AND v.version = a.version`;
const ASK =
  "SELECT slug FROM plain WHERE plain MATCH ?1 AND rank MATCH 'bm25(2.0, 1.0)' ORDER BY rank LIMIT ?2";

/**
 * The baseline of search: SQLite's own BM25 over whole articles, with Porter stemming, without stop words,
 * the words joined with OR, a title counting twice.
 */
export async function openPlainBm25(db: D1Database): Promise<Ranker> {
  await db.batch([db.prepare(CREATE), db.prepare(FILL)]);
  return async (question, limit) => {
    const words = question.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
    const asked = [...new Set(words)].filter((word) => !STOP_WORDS.has(word));
    if (asked.length === 0) return [];
    const match = asked.map((word) => `"${word}"`).join(" OR ");
    const { results } = await db.prepare(ASK).bind(match, limit).all<{ slug: string }>();
    return results.map(({ slug }) => slug);
  };
}
