import { cutPassages } from "../markdown/cut-passages.ts";
import { MAX_SLUG_LENGTH, makeSlug } from "../markdown/make-slug.ts";
import { FOLDING, segmentPassage } from "./index-passages.ts";
import type { Author, Metadata } from "./rows.ts";

/** The source file of an imported article. */
export interface Source {
  /** Path inside the imported folder, with `/`. */
  path: string;
  /** SHA-256 in hex of everything the import writes, and of the text alone. */
  hash: string;
  contentHash: string;
}

/** An article to create. */
export interface NewArticle {
  collectionId: number;
  title: string;
  body: string;
  tags: readonly string[];
  metadata?: Metadata | undefined;
  changeNote?: string | undefined;
  /** Preferred slug; derived from the title if undefined. A number is added if it is taken. */
  slug?: string | undefined;
  source?: Source | undefined;
}

/** The complete next version of an article. */
export interface NextVersion {
  id: number;
  /** The version that the writer read. */
  expectedVersion: number;
  title: string;
  body: string;
  tags: readonly string[];
  changeNote: string;
  metadata?: Metadata | undefined;
  source?: Source | undefined;
}

/** Another writer was faster, or the title is taken in the collection: nothing was written. */
export class WriteConflict extends Error {
  override readonly name = "WriteConflict";
}

const SLUG_ATTEMPTS = 5;

/**
 * Creates an article at version 1 and returns its slug. Throws {@link WriteConflict} when the title is taken.
 */
export async function insertArticle(
  db: D1Database,
  article: NewArticle,
  author: Author,
  now: Date,
): Promise<string> {
  const wanted = article.slug ?? makeSlug(article.title);
  for (let attempt = 0; attempt < SLUG_ATTEMPTS; attempt++) {
    // Most slugs are free: tries the preferred one before any look-up.
    const slug = attempt === 0 ? wanted : await findFreeSlug(db, wanted);
    try {
      await db.batch(insertStatements(db, slug, article, author, now));
      return slug;
    } catch (failure) {
      // The slug is taken, possibly since a moment ago. Rethrows any other failure.
      if (!isUniqueViolation(failure)) throw failure;
      if (!String(failure).includes("articles.slug")) throw new WriteConflict();
    }
  }
  throw new WriteConflict();
}

/**
 * Writes an article's next version. Throws {@link WriteConflict} when it is no longer at the expected one.
 */
export async function insertVersion(
  db: D1Database,
  next: NextVersion,
  author: Author,
  now: Date,
): Promise<void> {
  const version = next.expectedVersion + 1;
  try {
    await db.batch([
      // Fails for the second writer of the same version, and the batch is one transaction.
      versionStatement(db, { ...next, version }, author, now),
      db
        .prepare(
          `UPDATE articles SET title = ?2, tags = ?3, version = ?4, updated_at = ?5, updated_by = ?6,
            updated_by_name = ?7, metadata = coalesce(?8, metadata), source_hash = coalesce(?9, source_hash),
            content_hash = coalesce(?10, content_hash),
            source_version = CASE WHEN ?9 IS NULL THEN source_version ELSE ?4 END
          WHERE id = ?1`,
        )
        .bind(
          next.id,
          next.title,
          JSON.stringify(next.tags),
          version,
          now.toISOString(),
          author.id,
          author.name,
          next.metadata ? JSON.stringify(next.metadata) : null,
          next.source?.hash ?? null,
          next.source?.contentHash ?? null,
        ),
      db.prepare("DELETE FROM passages WHERE article_id = ?1").bind(next.id),
      ...passageStatements(db, "SELECT ?1", next.id, next),
    ]);
  } catch (failure) {
    throw isUniqueViolation(failure) ? new WriteConflict() : failure;
  }
}

function insertStatements(
  db: D1Database,
  slug: string,
  article: NewArticle,
  author: Author,
  now: Date,
): D1PreparedStatement[] {
  const at = now.toISOString();
  const insert = db
    .prepare(
      `INSERT INTO articles (slug, collection_id, title, tags, metadata, version, source_path, source_hash,
        source_version, created_at, created_by, created_by_name, updated_at, updated_by, updated_by_name, content_hash)
      VALUES (?1, ?2, ?3, ?4, ?5, 1, ?6, ?7, ?8, ?9, ?10, ?11, ?9, ?10, ?11, ?12)`,
    )
    .bind(
      slug,
      article.collectionId,
      article.title,
      JSON.stringify(article.tags),
      JSON.stringify(article.metadata ?? {}),
      article.source?.path ?? null,
      article.source?.hash ?? null,
      article.source ? 1 : null,
      at,
      author.id,
      author.name,
      article.source?.contentHash ?? null,
    );
  const version = db
    .prepare(
      `INSERT INTO article_versions (article_id, version, title, body, tags, change_note, author_id, author_name, created_at)
      SELECT id, 1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 FROM articles WHERE slug = ?1`,
    )
    .bind(
      slug,
      article.title,
      article.body,
      JSON.stringify(article.tags),
      article.changeNote ?? "",
      author.id,
      author.name,
      at,
    );
  return [
    insert,
    version,
    ...passageStatements(db, "SELECT id FROM articles WHERE slug = ?1", slug, article),
  ];
}

function versionStatement(
  db: D1Database,
  next: NextVersion & { version: number },
  author: Author,
  now: Date,
): D1PreparedStatement {
  return db
    .prepare(
      `INSERT INTO article_versions (article_id, version, title, body, tags, change_note, author_id, author_name, created_at)
      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)`,
    )
    .bind(
      next.id,
      next.version,
      next.title,
      next.body,
      JSON.stringify(next.tags),
      next.changeNote,
      author.id,
      author.name,
      now.toISOString(),
    );
}

/**
 * Two statements for all passages and their index entries, whatever their number: the passages are one JSON
 * parameter. Tags belong to the article: only its first passage has them, because on every passage they would
 * favour the shortest one.
 */
function passageStatements(
  db: D1Database,
  articleId: string,
  key: string | number,
  article: { title: string; body: string; tags: readonly string[] },
): D1PreparedStatement[] {
  const tags = article.tags.join(" ");
  const passages = cutPassages(article.title, article.body);
  const insert = db
    .prepare(
      `INSERT INTO passages (article_id, collection, ordinal, level, anchor, title, heading, body, tags, folded)
      SELECT (${articleId}), 'c' || (SELECT collection_id FROM articles WHERE id = (${articleId})), key, value ->> 'level', value ->> 'anchor', ?2, value ->> 'heading', value ->> 'body',
        CASE key WHEN 0 THEN ?3 ELSE '' END, ${FOLDING}
      FROM json_each(?4)`,
    )
    .bind(key, article.title, tags, JSON.stringify(passages));
  const held = segmentPassage({ title: article.title, tags });
  const words = passages.map(({ heading, body }) => segmentPassage({ heading, body }));
  const index = db
    .prepare(
      `INSERT INTO passages_index (rowid, title, heading, body, tags, collection)
      SELECT p.id, ?2, j.value ->> 'heading', j.value ->> 'body', CASE j.key WHEN 0 THEN ?3 ELSE '' END, p.collection
      FROM json_each(?4) j CROSS JOIN passages p ON p.article_id = (${articleId}) AND p.ordinal = j.key ORDER BY p.id`,
    )
    .bind(key, held.title, held.tags, JSON.stringify(words));
  return [insert, index];
}

/** Maximum numbered slugs to read at once; for a title with more, a binary search finds a free number. */
const NUMBERED_AT_ONCE = 1_000;

/**
 * The preferred slug, or the same with a free number as its suffix: the lowest one while few articles share
 * the title.
 */
async function findFreeSlug(db: D1Database, wanted: string): Promise<string> {
  const base = wanted.slice(0, MAX_SLUG_LENGTH - 10);
  const { results } = await db
    .prepare("SELECT slug FROM articles WHERE slug = ?1 OR (slug >= ?2 AND slug < ?3) LIMIT ?4")
    // "." follows "-" in ASCII: the range holds exactly the slugs that begin with `base-`.
    .bind(wanted, `${base}-`, `${base}.`, NUMBERED_AT_ONCE)
    .all<{ slug: string }>();
  const taken = new Set(results.map((row) => row.slug));
  let slug = wanted;
  for (let count = 2; taken.has(slug); count++) slug = `${base}-${count}`;
  return results.length < NUMBERED_AT_ONCE ? slug : `${base}-${await findFreeNumber(db, base)}`;
}

/**
 * A number that no slug of the base ends with, while the one before it is taken: doubles until free, then
 * bisects.
 */
async function findFreeNumber(db: D1Database, base: string): Promise<number> {
  const isTaken = async (count: number) =>
    (await db.prepare("SELECT 1 FROM articles WHERE slug = ?1").bind(`${base}-${count}`).first()) !== null;
  let free = 2;
  while (await isTaken(free)) free *= 2;
  let taken = free / 2;
  while (free - taken > 1) {
    const middle = Math.floor((taken + free) / 2);
    if (await isTaken(middle)) taken = middle;
    else free = middle;
  }
  return free;
}

function isUniqueViolation(failure: unknown): boolean {
  return failure instanceof Error && failure.message.includes("UNIQUE constraint failed");
}
