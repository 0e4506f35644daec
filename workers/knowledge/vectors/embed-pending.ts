import type { EmbeddingModel } from "./models.ts";
import type { VectorIndex } from "./vector-index.ts";

/** An article whose current version is not in the vector index. */
interface PendingArticle {
  id: number;
  version: number;
}

/**
 * Embeds articles whose current version is not in the vector index, oldest id first, and returns their
 * number. An article is marked only after all of its passages are stored, so that a failed one stays pending:
 * the next write or `knowledge_reindex` retries it.
 */
export async function embedPending(db: D1Database, index: VectorIndex, limit: number): Promise<number> {
  const { column } = index.model;
  const { results } = await db
    .prepare(`SELECT id, version FROM articles WHERE ${column} IS NOT version ORDER BY id LIMIT ?1`)
    .bind(limit)
    .all<PendingArticle>();
  for (const article of results) {
    const passages = await db
      .prepare(
        `SELECT p.id, a.collection_id AS collection, p.title || ' › ' || p.heading || char(10) || p.body AS text
        FROM passages p JOIN articles a ON a.id = p.article_id WHERE p.article_id = ?1 ORDER BY p.ordinal`,
      )
      .bind(article.id)
      .all<{ id: number; collection: number; text: string }>();
    await index.store(passages.results);
    await db
      .prepare(`UPDATE articles SET ${column} = ?2 WHERE id = ?1 AND version = ?2`)
      .bind(article.id, article.version)
      .run();
  }
  return results.length;
}

/** Whether any article is pending. */
export async function hasPending(db: D1Database, { column }: EmbeddingModel): Promise<boolean> {
  const row = await db.prepare(`SELECT id FROM articles WHERE ${column} IS NOT version LIMIT 1`).first();
  return row !== null;
}

/** Marks every article as not embedded, for an index that was recreated. */
export async function forgetEmbeddings(db: D1Database, { column }: EmbeddingModel): Promise<void> {
  await db.prepare(`UPDATE articles SET ${column} = NULL WHERE ${column} IS NOT NULL`).run();
}
