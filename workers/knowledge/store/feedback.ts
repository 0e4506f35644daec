import { cutText } from "../../../shared/text/well-formed.ts";
import { STOP_WORDS } from "../search/stop-words.ts";
import { tokenize } from "../search/tokenize.ts";
import type { Author } from "./rows.ts";

/** Verdict of a reader: the answer helped, did not help, or is missing. */
export type Verdict = "useful" | "not_useful" | "missing";

/** Feedback of one reader. */
export interface Feedback {
  verdict: Verdict;
  /** Row ids; undefined for a missing answer. */
  articleId?: number | undefined;
  collectionId?: number | undefined;
  question: string;
  comment: string;
}

/** A gap of the knowledge base. Times are ISO 8601. */
export interface Gap {
  kind: "missing" | "not_useful" | "overdue";
  /** The latest wording of the question; for an overdue article its title. */
  question: string;
  /** Slug and title of the article; empty for a missing answer. */
  slug: string;
  title: string;
  collection: string;
  /** Number of people who reported it; 0 for an overdue article. */
  people: number;
  comment: string;
  at: string;
}

/** Stores feedback; it replaces earlier feedback of the same reader on the same article and question. */
export async function insertFeedback(
  db: D1Database,
  feedback: Feedback,
  author: Author,
  now: Date,
): Promise<void> {
  await db
    .prepare(
      `INSERT INTO feedback (verdict, article_id, collection_id, question, question_key, comment, user_id, user_name, created_at)
      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
      ON CONFLICT (user_id, coalesce(article_id, 0), question_key) DO UPDATE SET
        verdict = excluded.verdict, collection_id = excluded.collection_id, question = excluded.question,
        comment = excluded.comment, created_at = excluded.created_at`,
    )
    .bind(
      feedback.verdict,
      feedback.articleId ?? null,
      feedback.collectionId ?? null,
      feedback.question,
      keyOf(feedback.question),
      feedback.comment,
      author.id,
      author.name,
      now.toISOString(),
    )
    .run();
}

/** Maximum feedback entries to read, newest first; limits the list's cost. */
const RECENT = 2_000;

/**
 * Gaps of the knowledge base: questions without an answer and articles that did not help, by the number of
 * people who reported them, then articles with an overdue review, oldest first. Excludes hidden collections,
 * and feedback older than an article's last change.
 */
export async function listGaps(
  db: D1Database,
  request: { collectionId?: number | undefined; hidden: readonly number[]; now: Date; limit: number },
): Promise<Gap[]> {
  const hidden = JSON.stringify(request.hidden);
  const only = request.collectionId ?? null;
  const [said, overdue] = await db.batch<Gap>([
    db
      .prepare(
        `WITH recent AS MATERIALIZED (
          SELECT * FROM feedback WHERE verdict <> 'useful' ORDER BY created_at DESC, id DESC LIMIT ${RECENT}
        )
        SELECT r.verdict AS kind, r.question, coalesce(a.slug, '') AS slug, coalesce(a.title, '') AS title,
          coalesce(c.slug, '') AS collection, count(DISTINCT r.user_id) AS people, r.comment, max(r.created_at) AS at
        FROM recent r LEFT JOIN articles a ON a.id = r.article_id
          LEFT JOIN collections c ON c.id = coalesce(a.collection_id, r.collection_id)
        WHERE coalesce(c.id, 0) NOT IN (SELECT value FROM json_each(?1)) AND (?2 IS NULL OR c.id = ?2)
          AND (a.id IS NULL OR r.created_at >= a.updated_at)
        GROUP BY r.verdict, r.article_id, CASE WHEN r.article_id IS NULL THEN r.question_key END
        ORDER BY people DESC, at DESC LIMIT ?3`,
      )
      .bind(hidden, only, request.limit),
    db
      .prepare(
        `SELECT 'overdue' AS kind, '' AS question, a.slug, a.title, c.slug AS collection, 0 AS people,
          '' AS comment, a.review_on AS at
        FROM articles a CROSS JOIN collections c ON c.id = a.collection_id
        WHERE a.review_on < ?1 AND a.collection_id NOT IN (SELECT value FROM json_each(?2)) AND (?3 IS NULL OR c.id = ?3)
        ORDER BY a.review_on, a.id LIMIT ?4`,
      )
      .bind(request.now.toISOString().slice(0, 10), hidden, only, request.limit),
  ]);
  return [...(said?.results ?? []), ...(overdue?.results ?? [])].slice(0, request.limit);
}

/**
 * The question without case, order, stop words and endings, so that «refunds?» and «the refund» are equal.
 */
function keyOf(question: string): string {
  const stems = tokenize(question).filter((stem) => !STOP_WORDS.has(stem));
  return cutText([...new Set(stems)].sort().join(" "), 500);
}
