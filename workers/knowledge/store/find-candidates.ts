import { buildMatch, type Question, type Term } from "../search/build-match.ts";
import { WEIGHTS } from "../search/ranking-weights.ts";
import type { CollectionScope } from "./access.ts";
import { readTermStatistics } from "./term-statistics.ts";

/** Maximum depth of a page in the ranking. */
export const MAX_HITS = 250;
/** Number of best candidates that are read and ranked again; the others follow in their order. */
export const RANKED_ANEW = 100;

/**
 * Expected number of passages up to which a query's rarest words select the candidates; the frequent words
 * only rank (common terms query of Lucene). This limits the rows that a search reads, independent of the size
 * of the base: measured on two collections, 500 finds almost as much as 6,000.
 */
const MAX_POSTINGS = 2_500;
/**
 * Maximum occurrences of a query's frequent words for which they weigh the passages that the rare words
 * select: BM25 walks them once, which takes a few milliseconds and returns no row.
 */
const MAX_WEIGHED_POSTINGS = 40_000;

/** BM25 weights of title, heading, body, tags and collection, for the candidates. */
const { title, heading, body, tags } = WEIGHTS.fields;
const RANK = `bm25(${title}, ${heading}, ${body}, ${tags}, 0.0)`;

/** A candidate. */
export interface FoundRow {
  id: number;
  articleId: number;
  /** Title, heading, body and tags as JSON; NULL after the first {@link RANKED_ANEW}. */
  text: string | null;
}

/**
 * `?1` MATCH expression, `?2` number of rows, `?3` number of rows with text, `?4` hidden collections. FTS5's
 * `rank` is negative: smaller is better. The index excludes hidden collections; the join checks them again.
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
    WHERE passages_index MATCH ?1 AND rank MATCH '${RANK}' ORDER BY rank LIMIT ?2
  ),${PLACED}`;
/**
 * For a query of frequent words only, BM25 would weigh tens of thousands of passages with similar scores.
 * Passages with the words in title, heading or tags (`?5`) come first, then the newest ones; SQLite stops
 * reading the index after `?2` of each.
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

/**
 * The passages that may answer a query, best first, at most {@link MAX_HITS}; none for a query without words.
 */
export async function findCandidates(
  db: D1Database,
  question: Question,
  scope: CollectionScope,
): Promise<readonly FoundRow[]> {
  const { terms, weighing, postings } = await chooseTerms(db, question);
  const words = weighFrequent(buildMatch({ ...question, terms }), terms, weighing);
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

interface ChosenTerms {
  /** The words that select passages. */
  terms: readonly Term[];
  /** The more frequent ones, which only weigh them. */
  weighing: readonly Term[];
  /** Number of passages with the selecting words; `undefined` where phrases and prefixes make it unknown. */
  postings: number | undefined;
}

/** Quoted words always select; prefixes always take part. */
async function chooseTerms(db: D1Database, { phrases, terms }: Question): Promise<ChosenTerms> {
  const { holding, passages } = await readTermStatistics(
    db,
    terms.map(({ stem }) => stem),
  );
  // Words cannot match more passages than exist.
  if (passages <= MAX_POSTINGS) return { terms, weighing: [], postings: passages };
  if (phrases.length > 0) return { terms, weighing: [], postings: undefined };
  const held = ({ stem, prefix }: Term) => (prefix ? 0 : (holding.get(stem) ?? 0));
  const rarest = [...terms].sort((a, b) => held(a) - held(b));
  const chosen = Math.max(1, countWithin(rarest.map(held), MAX_POSTINGS));
  const choosing = rarest.slice(0, chosen);
  if (choosing.some(({ prefix }) => prefix)) return { terms: choosing, weighing: [], postings: undefined };
  const postings = choosing.reduce((total, term) => total + held(term), 0);
  const frequent = postings > MAX_POSTINGS ? [] : rarest.slice(chosen);
  const weighing = frequent.slice(0, countWithin(frequent.map(held), MAX_WEIGHED_POSTINGS));
  return { terms: choosing, weighing, postings };
}

/** Length of the longest prefix of counts whose sum is within a limit. */
function countWithin(counts: readonly number[], limit: number): number {
  let sum = 0;
  const beyond = counts.findIndex((count) => {
    sum += count;
    return sum > limit;
  });
  return beyond === -1 ? counts.length : beyond;
}

/**
 * Builds an expression that only the selecting words match, and that BM25 weighs by all: BM25 counts every
 * word of the expression that a passage holds. The selecting words appear in it twice, so the others do too.
 */
function weighFrequent(
  choosing: string | null,
  terms: readonly Term[],
  weighing: readonly Term[],
): string | null {
  if (choosing === null || weighing.length === 0) return choosing;
  const twice = weighing.map((term) => ({ ...term, count: 2 }));
  return `(${choosing}) AND (${buildMatch({ phrases: [], terms: [...terms, ...twice] })})`;
}

/**
 * Counts no further than needed: unranked, SQLite stops reading the index after {@link MAX_POSTINGS}
 * passages.
 */
async function matchesTooMany(db: D1Database, match: string): Promise<boolean> {
  const { results } = await db
    .prepare(
      "SELECT count(*) AS n FROM (SELECT 1 FROM passages_index WHERE passages_index MATCH ?1 LIMIT ?2)",
    )
    .bind(match, MAX_POSTINGS + 1)
    .all<{ n: number }>();
  return (results[0]?.n ?? 0) > MAX_POSTINGS;
}

/** The MATCH expression of some columns, limited to the scope. */
function matchIn(columns: string, words: string, { only, hidden }: CollectionScope): string {
  const inside = only === undefined ? "" : ` AND collection : "c${only}"`;
  const outside =
    hidden.length === 0 ? "" : ` NOT collection : (${hidden.map((id) => `"c${id}"`).join(" OR ")})`;
  return `({${columns}} : (${words})${inside})${outside}`;
}
