/** A version of an article, as subscribers are told of it. */
export interface PublishedVersion {
  articleId: number;
  slug: string;
  version: number;
  title: string;
  collection: string;
  author: string;
  changeNote: string;
  at: string;
}

/** An article whose owner or review date were set. */
export interface ReviewedArticle {
  articleId: number;
  slug: string;
  title: string;
  collection: string;
  owner: string | null;
  reviewOn: string | null;
  reviewedBy: string | null;
  at: string;
}

/** What to list: after a time (ISO 8601), without hidden collections, in one collection or all. */
export interface HappeningRequest {
  since: string;
  hidden: readonly number[];
  collectionId: number | undefined;
  limit: number;
}

const ALLOWED = `a.collection_id NOT IN (SELECT value FROM json_each(?2)) AND (?3 IS NULL OR a.collection_id = ?3)`;

// By the index of changed articles: an article has changed when its newest version was written.
const PUBLISHED = `
  SELECT a.id AS articleId, a.slug, v.version, v.title, c.slug AS collection, v.author_name AS author,
         v.change_note AS changeNote, v.created_at AS at
    FROM articles a JOIN article_versions v ON v.article_id = a.id AND v.created_at > ?1
         JOIN collections c ON c.id = a.collection_id
   WHERE a.updated_at > ?1 AND ${ALLOWED}
   ORDER BY v.created_at, v.article_id, v.version LIMIT ?4`;

const REVIEWED = `
  SELECT a.id AS articleId, a.slug, a.title, c.slug AS collection, a.owner, a.review_on AS reviewOn,
         a.reviewed_by_name AS reviewedBy, a.reviewed_at AS at
    FROM articles a JOIN collections c ON c.id = a.collection_id
   WHERE a.reviewed_at > ?1 AND ${ALLOWED}
   ORDER BY a.reviewed_at, a.id LIMIT ?4`;

/** Versions that were written after a time, oldest first. */
export function listPublished(db: D1Database, request: HappeningRequest): Promise<PublishedVersion[]> {
  return listAfter(db, PUBLISHED, request);
}

/** Articles that were reviewed after a time, oldest first. */
export function listReviewed(db: D1Database, request: HappeningRequest): Promise<ReviewedArticle[]> {
  return listAfter(db, REVIEWED, request);
}

async function listAfter<Row>(
  db: D1Database,
  sql: string,
  { since, hidden, collectionId, limit }: HappeningRequest,
): Promise<Row[]> {
  const { results } = await db
    .prepare(sql)
    .bind(since, JSON.stringify(hidden), collectionId ?? null, limit)
    .all<Row>();
  return results;
}
