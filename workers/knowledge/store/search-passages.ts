import { buildMatch, buildPairs } from "../search/build-match.ts";
import type { PassageHit } from "./rows.ts";

/** What to look for, and where. */
export interface SearchRequest {
  question: string;
  /** Slug; every collection when left out. */
  collection?: string | undefined;
  /** At most {@link MAX_HITS} together with `offset`. */
  limit: number;
  offset?: number | undefined;
}

/** No page reaches deeper into a ranking than this. */
export const MAX_HITS = 500;

/** BM25 weights of title, heading, body and tags. */
const WEIGHTS = "bm25(2.0, 1.5, 1.0, 1.5)";
/** An article counts by its best passage; its next ones add this share each. */
const SECOND_PASSAGE = 0.2;
const SNIPPET_WORDS = 40;

interface HitRow {
  id: number;
  slug: string;
  title: string;
  collection: string;
  heading: string;
  anchor: string;
  score: number;
}

/** Share that neighbouring words add where they stand together. Measured: more favours phrases over the subject. */
const PAIR_WEIGHT = 0.2;

/**
 * `?1` MATCH expression, `?2` collection slug or NULL, `?3` how many, `?4` MATCH expression of word pairs.
 * FTS5's `rank` is negative: smaller is better.
 */
const RANKED = `
  WITH matched AS MATERIALIZED (
    SELECT passages_index.rowid AS id, rank
    FROM passages_index
    WHERE passages_index MATCH ?1 AND rank MATCH '${WEIGHTS}'
      AND (?2 IS NULL OR passages_index.rowid IN (
        SELECT p.id FROM collections c JOIN articles a ON a.collection_id = c.id JOIN passages p ON p.article_id = a.id
        WHERE c.slug = ?2))
    ORDER BY rank LIMIT ?3
  ),
  paired AS MATERIALIZED (
    SELECT passages_index.rowid AS id, rank FROM passages_index
    WHERE passages_index MATCH ?4 AND rank MATCH '${WEIGHTS}'
  ),
  hits AS (
    SELECT m.id, m.rank + ${PAIR_WEIGHT} * coalesce(p.rank, 0) AS rank
    FROM matched m LEFT JOIN paired p ON p.id = m.id
  )`;

/** Ranks passages by BM25 over title, headings, text and tags. Best first; empty when nothing matches. */
export async function searchPassages(db: D1Database, request: SearchRequest): Promise<PassageHit[]> {
  const match = buildMatch(request.question);
  if (match === null) return [];
  const { results } = await db
    .prepare(
      `${RANKED}
      SELECT h.id, a.slug, a.title, c.slug AS collection, p.heading, p.anchor, -h.rank AS score
      FROM hits h JOIN passages p ON p.id = h.id JOIN articles a ON a.id = p.article_id
        JOIN collections c ON c.id = a.collection_id
      ORDER BY h.rank, h.id LIMIT ?5 OFFSET ?6`,
    )
    .bind(...bindRequest(match, request))
    .all<HitRow>();
  return addSnippets(db, match, results);
}

/** Ranks articles by their best passages. One hit per article, which names its best passage. */
export async function searchArticles(db: D1Database, request: SearchRequest): Promise<PassageHit[]> {
  const match = buildMatch(request.question);
  if (match === null) return [];
  const { results } = await db
    .prepare(
      `${RANKED},
      ordered AS (
        SELECT h.id, p.article_id, p.heading, p.anchor, -h.rank AS score,
          row_number() OVER (PARTITION BY p.article_id ORDER BY h.rank, h.id) AS place
        FROM hits h JOIN passages p ON p.id = h.id
      ),
      scored AS (
        SELECT article_id, max(CASE WHEN place = 1 THEN id END) AS id,
          max(score) + ${SECOND_PASSAGE} * coalesce(sum(CASE WHEN place IN (2, 3) THEN score END), 0) AS score
        FROM ordered GROUP BY article_id
      )
      SELECT s.id, a.slug, a.title, c.slug AS collection, p.heading, p.anchor, s.score
      FROM scored s JOIN passages p ON p.id = s.id JOIN articles a ON a.id = s.article_id
        JOIN collections c ON c.id = a.collection_id
      ORDER BY s.score DESC, a.id LIMIT ?5 OFFSET ?6`,
    )
    .bind(...bindRequest(match, request))
    .all<HitRow>();
  return addSnippets(db, match, results);
}

function bindRequest(match: string, { question, collection, limit, offset }: SearchRequest) {
  return [match, collection ?? null, MAX_HITS, buildPairs(question), limit, offset ?? 0];
}

/** Snippets are cut for the hits of one page only: `snippet()` reads the passage's text again. */
async function addSnippets(db: D1Database, match: string, hits: readonly HitRow[]): Promise<PassageHit[]> {
  if (hits.length === 0) return [];
  const { results } = await db
    .prepare(
      `SELECT rowid AS id, snippet(passages_index, 2, '**', '**', '…', ${SNIPPET_WORDS}) AS snippet
      FROM passages_index WHERE passages_index MATCH ?1 AND rowid IN (SELECT value FROM json_each(?2))`,
    )
    .bind(match, JSON.stringify(hits.map((hit) => hit.id)))
    .all<{ id: number; snippet: string }>();
  const snippets = new Map(results.map((row) => [row.id, row.snippet]));
  return hits.map(({ id, score, ...hit }) => ({
    ...hit,
    snippet: (snippets.get(id) ?? "").replace(/\s+/g, " ").trim(),
    score: Math.round(score * 1000) / 1000,
  }));
}
