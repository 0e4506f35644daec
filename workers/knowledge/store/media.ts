import { cutText } from "../../../shared/text/well-formed.ts";
import type { Author } from "./rows.ts";

/** A picture or recording without its bytes. Times are ISO 8601 in UTC. */
export interface MediaItem {
  slug: string;
  collectionId: number;
  collection: string;
  /** SHA-256 of the content in hex; its key in R2. */
  hash: string;
  title: string;
  mimeType: string;
  bytes: number;
  /** Caption or transcript; empty if it has none. */
  description: string;
  describedBy: string;
  createdAt: string;
  createdBy: string;
}

/** A picture or recording to store. */
export interface NewMedia extends Pick<MediaItem, "collectionId" | "hash" | "title" | "mimeType" | "bytes"> {
  slug: string;
  description: string;
}

const COLUMNS = `m.slug, m.collection_id AS collectionId, c.slug AS collection, m.hash, m.title, m.mime_type AS mimeType,
  m.bytes, m.description, m.described_by AS describedBy, m.created_at AS createdAt, m.created_by_name AS createdBy`;

/** Reads the metadata of one item, or `null`. */
export async function readMedia(db: D1Database, slug: string): Promise<MediaItem | null> {
  return db
    .prepare(`SELECT ${COLUMNS} FROM media m JOIN collections c ON c.id = m.collection_id WHERE m.slug = ?1`)
    .bind(slug)
    .first<MediaItem>();
}

/** Reads the existing items among the named ones. Reads at most 100 names. */
export async function readMediaList(db: D1Database, slugs: readonly string[]): Promise<MediaItem[]> {
  if (slugs.length === 0) return [];
  const { results } = await db
    .prepare(
      `SELECT ${COLUMNS} FROM json_each(?1) w CROSS JOIN media m ON m.slug = w.value
        CROSS JOIN collections c ON c.id = m.collection_id ORDER BY w.key`,
    )
    .bind(JSON.stringify(slugs.slice(0, 100)))
    .all<MediaItem>();
  return results;
}

/** Suggests items whose slug begins with the typed text, without the hidden collections. At most 50. */
export async function suggestMedia(
  db: D1Database,
  typed: string,
  hidden: readonly number[],
): Promise<string[]> {
  const start = cutText(typed, 100).toLowerCase();
  const { results } = await db
    .prepare(
      `SELECT slug FROM media WHERE slug >= ?1 AND slug < ?2
        AND collection_id NOT IN (SELECT value FROM json_each(?3)) ORDER BY slug LIMIT 50`,
    )
    .bind(start, `${start}\u{10ffff}`, JSON.stringify(hidden))
    .all<{ slug: string }>();
  return results.map(({ slug }) => slug);
}

/** The item of a collection with this content, or `null`. */
export async function findMediaByHash(
  db: D1Database,
  collectionId: number,
  hash: string,
): Promise<MediaItem | null> {
  return db
    .prepare(
      `SELECT ${COLUMNS} FROM media m JOIN collections c ON c.id = m.collection_id
      WHERE m.collection_id = ?1 AND m.hash = ?2`,
    )
    .bind(collectionId, hash)
    .first<MediaItem>();
}

/** Stores an item; returns false when the slug exists, or the collection has the content. */
export async function insertMedia(
  db: D1Database,
  media: NewMedia,
  author: Author,
  now: Date,
): Promise<boolean> {
  const { meta } = await db
    .prepare(
      `INSERT INTO media (slug, collection_id, hash, title, mime_type, bytes, description, described_by, created_at,
        created_by, created_by_name)
      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT DO NOTHING`,
    )
    .bind(
      media.slug,
      media.collectionId,
      media.hash,
      media.title,
      media.mimeType,
      media.bytes,
      media.description,
      media.description === "" ? "" : author.name,
      now.toISOString(),
      author.id,
      author.name,
    )
    .run();
  return meta.changes > 0;
}

/** Stores a caption or transcript; `by` is the name of a user or model. */
export async function writeDescription(
  db: D1Database,
  slug: string,
  description: string,
  by: string,
): Promise<void> {
  await db
    .prepare("UPDATE media SET description = ?2, described_by = ?3 WHERE slug = ?1")
    .bind(slug, description, by)
    .run();
}
