import { MAX_COLLECTIONS } from "../article-limits.ts";
import type { Author, Collection } from "./rows.ts";

/** Lists the collections with their number of articles, sorted by title, without the hidden ones. */
export async function listCollections(db: D1Database, hidden: readonly number[]): Promise<Collection[]> {
  const { results } = await db
    .prepare(
      `SELECT slug, title, description, articles FROM collections
      WHERE id NOT IN (SELECT value FROM json_each(?2)) ORDER BY title COLLATE NOCASE LIMIT ?1`,
    )
    .bind(MAX_COLLECTIONS, JSON.stringify(hidden))
    .all<Collection>();
  return results;
}

/** The row id of a collection, or `null`. */
export async function findCollection(db: D1Database, slug: string): Promise<number | null> {
  return db.prepare("SELECT id FROM collections WHERE slug = ?1").bind(slug).first<number>("id");
}

/** Name of a new collection. */
export interface NewCollection {
  slug: string;
  title: string;
  description?: string | undefined;
  /** Roles that can read it; `null` or undefined for every role. */
  readers?: readonly string[] | null | undefined;
}

/**
 * Creates a collection unless it exists, and returns its row id; an existing one stays unchanged. Returns
 * `null` when {@link MAX_COLLECTIONS} exist already.
 */
export async function ensureCollection(
  db: D1Database,
  collection: NewCollection,
  author: Author,
  now: Date,
): Promise<number | null> {
  await db
    .prepare(
      `INSERT INTO collections (slug, title, description, created_at, created_by, readers)
      SELECT ?1, ?2, ?3, ?4, ?5, ?7 WHERE (SELECT count(*) FROM collections) < ?6
      ON CONFLICT (slug) DO NOTHING`,
    )
    .bind(
      collection.slug,
      collection.title,
      collection.description ?? "",
      now.toISOString(),
      author.id,
      MAX_COLLECTIONS,
      collection.readers ? JSON.stringify(collection.readers) : null,
    )
    .run();
  return findCollection(db, collection.slug);
}
