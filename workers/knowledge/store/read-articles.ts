import { segmentQuery } from "../../../shared/text/segment-words.ts";
import { cutText } from "../../../shared/text/well-formed.ts";
import { type Article, type ArticleSummary, type ArticleVersion, parseMetadata, parseTags } from "./rows.ts";

interface SummaryRow {
  slug: string;
  title: string;
  collection: string;
  tags: string;
  version: number;
  updatedAt: string;
  updatedBy: string;
}

interface ArticleRow extends SummaryRow {
  id: number;
  collectionId: number;
  owner: string | null;
  reviewOn: string | null;
  body: string;
  metadata: string;
  createdAt: string;
  createdBy: string;
  currentVersion: number;
}

/** Reads one article, by default at its current version. `null` if the article or version does not exist. */
export async function readArticle(db: D1Database, slug: string, version?: number): Promise<Article | null> {
  const row = await db
    .prepare(
      `SELECT a.id, a.collection_id AS collectionId, a.owner, a.review_on AS reviewOn, a.slug, v.title, c.slug AS collection, v.tags, v.version, v.body, a.metadata,
        v.created_at AS updatedAt, v.author_name AS updatedBy,
        a.created_at AS createdAt, a.created_by_name AS createdBy, a.version AS currentVersion
      FROM articles a JOIN collections c ON c.id = a.collection_id
        JOIN article_versions v ON v.article_id = a.id AND v.version = coalesce(?2, a.version)
      WHERE a.slug = ?1`,
    )
    .bind(slug, version ?? null)
    .first<ArticleRow>();
  return row && { ...row, tags: parseTags(row.tags), metadata: parseMetadata(row.metadata) };
}

/** A section of an article: the heading with this fragment and its subsections. */
export interface SectionText {
  heading: string;
  text: string;
}

/** Reads one section of an article's current version. `null` if the heading does not exist. */
export async function readSection(db: D1Database, slug: string, anchor: string): Promise<SectionText | null> {
  const { results } = await db
    .prepare(
      `WITH wanted AS (
        SELECT p.article_id, min(p.ordinal) AS first, p.level
        FROM passages p JOIN articles a ON a.id = p.article_id WHERE a.slug = ?1 AND p.anchor = ?2
      )
      SELECT p.heading, p.body FROM passages p JOIN wanted w ON w.article_id = p.article_id
      WHERE p.ordinal >= w.first AND p.ordinal < coalesce((
        SELECT min(n.ordinal) FROM passages n
        WHERE n.article_id = w.article_id AND n.ordinal > w.first AND n.level <= w.level AND n.anchor <> ?2
      ), 1000000)
      ORDER BY p.ordinal`,
    )
    .bind(slug, anchor)
    .all<{ heading: string; body: string }>();
  const [first] = results;
  return first ? { heading: first.heading, text: results.map((row) => row.body).join("") } : null;
}

/** Filter for articles; latest change first. `hidden` holds row ids of collections. */
export interface ListRequest {
  collectionId?: number | undefined;
  tag?: string | undefined;
  limit: number;
  offset?: number | undefined;
  hidden: readonly number[];
}

const LISTED = `a.slug, a.title, c.slug AS collection, a.tags, a.version, a.updated_at AS updatedAt,
  a.updated_by_name AS updatedBy`;
const ALLOWED = "a.collection_id NOT IN (SELECT value FROM json_each(?3))";
/** One statement per filter, so that each walks an index with its sort order. */
const LISTS = {
  all: `SELECT ${LISTED} FROM articles a CROSS JOIN collections c ON c.id = a.collection_id
    WHERE ${ALLOWED} AND ?4 IS NULL AND ?5 IS NULL ORDER BY a.updated_at DESC, a.id DESC LIMIT ?1 OFFSET ?2`,
  collection: `SELECT ${LISTED} FROM articles a CROSS JOIN collections c ON c.id = a.collection_id
    WHERE a.collection_id = ?4 AND ${ALLOWED} AND ?5 IS NULL
    ORDER BY a.updated_at DESC, a.id DESC LIMIT ?1 OFFSET ?2`,
  tag: `SELECT ${LISTED} FROM article_tags t CROSS JOIN articles a ON a.id = t.article_id
      CROSS JOIN collections c ON c.id = a.collection_id
    WHERE t.tag = ?5 AND ${ALLOWED} AND (?4 IS NULL OR a.collection_id = ?4)
    ORDER BY t.updated_at DESC, t.article_id DESC LIMIT ?1 OFFSET ?2`,
};

/** Lists articles without their text. */
export async function listArticles(db: D1Database, request: ListRequest): Promise<ArticleSummary[]> {
  const { collectionId, tag, limit, offset = 0, hidden } = request;
  const list = tag !== undefined ? LISTS.tag : collectionId !== undefined ? LISTS.collection : LISTS.all;
  const { results } = await db
    .prepare(list)
    .bind(limit, offset, JSON.stringify(hidden), collectionId ?? null, tag ?? null)
    .all<SummaryRow>();
  return results.map((row) => ({ ...row, tags: parseTags(row.tags) }));
}

/** Lists an article's versions, newest first. Empty if the article does not exist. */
export async function listVersions(
  db: D1Database,
  slug: string,
  page: { limit: number; offset?: number | undefined },
): Promise<ArticleVersion[]> {
  const { results } = await db
    .prepare(
      `SELECT v.version, v.title, v.change_note AS changeNote, v.author_name AS authorName,
        v.created_at AS createdAt, length(v.body) AS characters
      FROM article_versions v JOIN articles a ON a.id = v.article_id
      WHERE a.slug = ?1 ORDER BY v.version DESC LIMIT ?2 OFFSET ?3`,
    )
    .bind(slug, page.limit, page.offset ?? 0)
    .all<ArticleVersion>();
  return results;
}

/**
 * Suggests slugs for a typed text: those that begin with it, then those of articles with such a word in the
 * title. At most 50, without the hidden collections.
 */
export async function suggestSlugs(
  db: D1Database,
  typed: string,
  hidden: readonly number[],
): Promise<string[]> {
  const start = cutText(typed, 100).toLowerCase();
  const words = tokenizeTyped(start);
  const { results } = await db
    .prepare(
      `SELECT slug FROM (
        SELECT a.slug, 0 AS place FROM articles a
        WHERE a.slug >= ?1 AND a.slug < ?2 AND a.collection_id NOT IN (SELECT value FROM json_each(?3))
        ORDER BY a.slug LIMIT 50)
      UNION ALL
      SELECT slug FROM (
        SELECT DISTINCT a.slug FROM (SELECT rowid AS id FROM passages_index WHERE passages_index MATCH ?4 LIMIT 500) m
          CROSS JOIN passages p ON p.id = m.id CROSS JOIN articles a ON a.id = p.article_id
        WHERE a.collection_id NOT IN (SELECT value FROM json_each(?3)) ORDER BY a.slug LIMIT 50)`,
    )
    .bind(start, `${start}\u{10ffff}`, JSON.stringify(hidden), words)
    .all<{ slug: string }>();
  return [...new Set(results.map((row) => row.slug))].slice(0, 50);
}

/** Title words that begin with the typed ones; an expression that matches nothing without any. */
function tokenizeTyped(typed: string): string {
  const words = segmentQuery(typed)
    .slice(0, 8)
    .map(({ text }) => `"${text}" *`);
  return words.length === 0 ? '""' : `title : (${words.join(" AND ")})`;
}

/**
 * Suggests fragments of an article's headings that contain the typed text, in the order of the article. At
 * most 50.
 */
export async function suggestAnchors(db: D1Database, slug: string, typed: string): Promise<string[]> {
  const { results } = await db
    .prepare(
      `SELECT p.anchor FROM passages p JOIN articles a ON a.id = p.article_id
      WHERE a.slug = ?1 AND p.anchor <> '' AND instr(p.anchor, ?2) > 0
      GROUP BY p.anchor ORDER BY min(p.ordinal) LIMIT 50`,
    )
    .bind(slug, cutText(typed, 100).toLowerCase())
    .all<{ anchor: string }>();
  return results.map((row) => row.anchor);
}
