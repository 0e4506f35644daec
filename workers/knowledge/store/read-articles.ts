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
  body: string;
  metadata: string;
  createdAt: string;
  createdBy: string;
  currentVersion: number;
}

/** Reads one article, by default at its current version. `null` when there is no such article or version. */
export async function readArticle(db: D1Database, slug: string, version?: number): Promise<Article | null> {
  const row = await db
    .prepare(
      `SELECT a.id, a.slug, v.title, c.slug AS collection, v.tags, v.version, v.body, a.metadata,
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

/** A section of an article: the heading with this fragment and everything below it. */
export interface SectionText {
  heading: string;
  text: string;
}

/** Reads one section of an article's current version. `null` when there is no such heading. */
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

/** Which articles to list; newest change first. */
export interface ListRequest {
  collection?: string | undefined;
  tag?: string | undefined;
  limit: number;
  offset?: number | undefined;
}

/** Lists articles without their text. */
export async function listArticles(db: D1Database, request: ListRequest): Promise<ArticleSummary[]> {
  const { results } = await db
    .prepare(
      `SELECT a.slug, a.title, c.slug AS collection, a.tags, a.version,
        a.updated_at AS updatedAt, a.updated_by_name AS updatedBy
      FROM articles a JOIN collections c ON c.id = a.collection_id
      WHERE (?1 IS NULL OR c.slug = ?1)
        AND (?2 IS NULL OR EXISTS (SELECT 1 FROM json_each(a.tags) WHERE value = ?2))
      ORDER BY a.updated_at DESC, a.id DESC LIMIT ?3 OFFSET ?4`,
    )
    .bind(request.collection ?? null, request.tag ?? null, request.limit, request.offset ?? 0)
    .all<SummaryRow>();
  return results.map((row) => ({ ...row, tags: parseTags(row.tags) }));
}

/** Lists an article's versions, newest first. Empty when there is no such article. */
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

/** Suggests slugs that contain what was typed; those that begin with it first. At most 50. */
export async function suggestSlugs(db: D1Database, typed: string): Promise<string[]> {
  // instr() and not LIKE: D1 refuses patterns over 50 bytes, and nothing needs escaping.
  const { results } = await db
    .prepare(
      `SELECT slug FROM articles WHERE instr(slug, ?1) > 0 OR instr(lower(title), ?1) > 0
      ORDER BY instr(slug, ?1) <> 1, slug LIMIT 50`,
    )
    .bind(typed.slice(0, 100).toLowerCase())
    .all<{ slug: string }>();
  return results.map((row) => row.slug);
}

/** Suggests fragments of an article's headings that contain what was typed, in the order of the article. At most 50. */
export async function suggestAnchors(db: D1Database, slug: string, typed: string): Promise<string[]> {
  const { results } = await db
    .prepare(
      `SELECT p.anchor FROM passages p JOIN articles a ON a.id = p.article_id
      WHERE a.slug = ?1 AND p.anchor <> '' AND instr(p.anchor, ?2) > 0
      GROUP BY p.anchor ORDER BY min(p.ordinal) LIMIT 50`,
    )
    .bind(slug, typed.slice(0, 100).toLowerCase())
    .all<{ anchor: string }>();
  return results.map((row) => row.anchor);
}
