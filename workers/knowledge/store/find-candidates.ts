import { buildMatch, type Question, type Term } from "../search/build-match.ts";
import { FIELDS } from "../search/rank-passages.ts";
import type { CollectionScope } from "./access.ts";
import { readTermStatistics } from "./term-statistics.ts";

/** No page reaches deeper into a ranking than this. */
export const MAX_HITS = 250;
/** The best of the first choice are read and ranked anew; the others follow in their order. */
export const RANKED_ANEW = 100;

/**
 * The rarest words of a question choose the candidates, until this many passages are expected to hold one; the
 * frequent ones only rank (common terms query of Lucene). What a search reads is bounded by this, not by the base:
 * measured on two collections, 500 finds almost what 6,000 finds.
 */
const MAX_POSTINGS = 2_500;

/** BM25 weights of title, heading, body, tags and collection, for the first choice. */
const WEIGHTS = `bm25(${FIELDS.title}, ${FIELDS.heading}, ${FIELDS.body}, ${FIELDS.tags}, 0.0)`;

/** A passage of the first choice. */
export interface FoundRow {
  id: number;
  articleId: number;
  /** Title, heading, body and tags as JSON; NULL behind the first {@link RANKED_ANEW}. */
  text: string | null;
}

/**
 * `?1` MATCH expression, `?2` how many, `?3` how many with their text, `?4` hidden collections. FTS5's `rank` is
 * negative: smaller is better. The index leaves hidden collections out; the join makes sure of it.
 */
const PLACED = `
  placed AS (SELECT id, row_number() OVER (ORDER BY rank, id) AS place FROM matched)
  SELECT m.id, p.article_id AS articleId,
    CASE WHEN m.place <= ?3 THEN json_array(p.title, p.heading, p.body, p.tags) END AS text
  FROM placed m CROSS JOIN passages p ON p.id = m.id CROSS JOIN articles a ON a.id = p.article_id
  WHERE a.collection_id NOT IN (SELECT value FROM json_each(?4))
  ORDER BY m.place`;
const BEST = `
  WITH matched AS MATERIALIZED (
    SELECT passages_index.rowid AS id, rank AS rank FROM passages_index
    WHERE passages_index MATCH ?1 AND rank MATCH '${WEIGHTS}' ORDER BY rank LIMIT ?2
  ),${PLACED}`;
/**
 * Where every word is frequent, BM25 would weigh tens of thousands of passages that it can hardly tell apart. Those
 * that say it in title, heading or tags (`?5`) come first, then the newest ones; the index is left after `?2` of each.
 */
const NEWEST = `
  WITH matched AS MATERIALIZED (
    SELECT id, min(kind) * 1e12 - id AS rank FROM (
      SELECT * FROM (
        SELECT rowid AS id, 0 AS kind FROM passages_index WHERE passages_index MATCH ?5 ORDER BY rowid DESC LIMIT ?2
      ) UNION ALL SELECT * FROM (
        SELECT rowid AS id, 1 AS kind FROM passages_index WHERE passages_index MATCH ?1 ORDER BY rowid DESC LIMIT ?2
      )
    ) GROUP BY id ORDER BY rank LIMIT ?2
  ),${PLACED}`;

/** The passages that may answer a question, best first, at most {@link MAX_HITS}; none for a question without words. */
export async function findCandidates(
  db: D1Database,
  question: Question,
  scope: CollectionScope,
): Promise<readonly FoundRow[]> {
  const { terms, postings } = await chooseTerms(db, question);
  const words = buildMatch({ ...question, terms });
  if (words === null) return [];
  const match = matchIn("title heading body tags", words, scope);
  const frequent = postings === undefined ? await matchesTooMany(db, match) : postings > MAX_POSTINGS;
  const values = [match, MAX_HITS, RANKED_ANEW];
  const hidden = JSON.stringify(scope.hidden);
  const statement = frequent
    ? db.prepare(NEWEST).bind(...values, hidden, matchIn("title heading tags", words, scope))
    : db.prepare(BEST).bind(...values, hidden);
  return (await statement.all<FoundRow>()).results;
}

/**
 * Quoted words choose by themselves; beginnings always take part. `postings` is how many passages the rarest words
 * hold, `undefined` where phrases and beginnings do not let it be known.
 */
async function chooseTerms(
  db: D1Database,
  { phrases, terms }: Question,
): Promise<{ terms: readonly Term[]; postings: number | undefined }> {
  const { holding, passages } = await readTermStatistics(
    db,
    terms.map(({ stem }) => stem),
  );
  // Words cannot match more passages than there are.
  if (passages <= MAX_POSTINGS) return { terms, postings: passages };
  if (phrases.length > 0) return { terms, postings: undefined };
  const held = ({ stem, prefix }: Term) => (prefix ? 0 : (holding.get(stem) ?? 0));
  const rarest = [...terms].sort((a, b) => held(a) - held(b));
  let sum = 0;
  const chosen = rarest.filter((term, place) => {
    sum += held(term);
    return place === 0 || sum <= MAX_POSTINGS;
  });
  const postings = chosen.some(({ prefix }) => prefix)
    ? undefined
    : chosen.reduce((total, term) => total + held(term), 0);
  return { terms: chosen, postings };
}

/** Counts no further than needed: unranked, the index is left after {@link MAX_POSTINGS} passages. */
async function matchesTooMany(db: D1Database, match: string): Promise<boolean> {
  const { results } = await db
    .prepare(
      "SELECT count(*) AS n FROM (SELECT 1 FROM passages_index WHERE passages_index MATCH ?1 LIMIT ?2)",
    )
    .bind(match, MAX_POSTINGS + 1)
    .all<{ n: number }>();
  return (results[0]?.n ?? 0) > MAX_POSTINGS;
}

/** The MATCH expression of some columns, kept to the scope. */
function matchIn(columns: string, words: string, { only, hidden }: CollectionScope): string {
  const inside = only === undefined ? "" : ` AND collection : "c${only}"`;
  const outside =
    hidden.length === 0 ? "" : ` NOT collection : (${hidden.map((id) => `"c${id}"`).join(" OR ")})`;
  return `({${columns}} : (${words})${inside})${outside}`;
}
