import { type Question, readQuestion } from "../search/build-match.ts";
import { cutSnippet } from "../search/cut-snippet.ts";
import { estimateConfidence, measureCoverage } from "../search/measure-confidence.ts";
import { countPassage } from "../search/rank-passages.ts";
import type { RankingWeights } from "../search/ranking-weights.ts";
import { tokenize } from "../search/tokenize.ts";
import { fuseRankings } from "../vectors/fuse-rankings.ts";
import type { VectorSide } from "../vectors/vector-side.ts";
import type { CollectionScope } from "./access.ts";
import { correctSpelling } from "./correct-spelling.ts";
import { findCandidates, MAX_HITS } from "./find-candidates.ts";
import { inTime } from "./in-time.ts";
import { indexBeforeSearch } from "./index-passages.ts";
import { groupByArticle, type Hit, orderRows, rankAnew, readRows } from "./rank-rows.ts";
import { rerankHits } from "./rerank-hits.ts";
import type { PassageHit } from "./rows.ts";
import { expandPrefixes } from "./spell-beginnings.ts";
import { spellCompounds } from "./spell-compounds.ts";
import { readTermStatistics } from "./term-statistics.ts";

/** Query and scope of a search. */
export interface SearchRequest {
  question: string;
  /** Slug; if undefined, every readable collection. */
  collection?: string | undefined;
  /** At most {@link MAX_HITS} together with `offset`. */
  limit: number;
  offset?: number | undefined;
}

/** Collections and resources of a search. */
export interface SearchScope extends CollectionScope {
  /** Vector search, if the environment has it. */
  vectors?: VectorSide | undefined;
  /** Weights for experiments; default: production weights. */
  weights?: RankingWeights | undefined;
}

/** Hits, and how they were found. */
export interface SearchAnswer {
  hits: PassageHit[];
  /** `full_text` also when vector search failed or timed out. */
  retrieval: "hybrid" | "full_text";
  /** Whether the query has searchable words. */
  searchable: boolean;
  /**
   * Estimated probability that the first hits answer the query, from 0 to 1; see {@link estimateConfidence}.
   */
  confidence: number;
}

/** Search by meaning may take this long, in milliseconds; after that full text answers alone. */
const MEANING_MS = 300;

/** Ranks passages over title, headings, text and tags. Best first; empty without a match. */
export async function searchPassages(
  db: D1Database,
  request: SearchRequest,
  scope: SearchScope,
): Promise<SearchAnswer> {
  return search(db, request, scope, { group: (hits) => [...hits], keyOf: (hit) => hit.id });
}

/** Ranks articles by their best passages. One hit per article, with its best passage. */
export async function searchArticles(
  db: D1Database,
  request: SearchRequest,
  scope: SearchScope,
): Promise<SearchAnswer> {
  return search(db, request, scope, {
    group: (hits) => groupByArticle(hits, scope.weights),
    keyOf: (hit) => hit.articleId,
  });
}

/** Unit of a result page: passages, or articles by their passages. */
interface ResultUnit {
  group(hits: readonly Hit[]): Hit[];
  keyOf(hit: Hit): number;
}

async function search(
  db: D1Database,
  request: SearchRequest,
  scope: SearchScope,
  { group, keyOf }: ResultUnit,
): Promise<SearchAnswer> {
  await indexBeforeSearch(db);
  const question = await readWords(db, request.question);
  const [words, meaning] = await Promise.all([
    rankPassages(db, question, scope),
    findByMeaning(db, request.question, question, scope),
  ]);
  const answer = async (hits: readonly Hit[]) => describeHits(db, question, takePage(hits, request));
  const searchable = question.terms.length + question.phrases.length > 0;
  const grouped = group(words.hits);
  const coverage = words.coverageOf(grouped[0]?.id);
  const rerank = (hits: readonly Hit[]) => rerankHits(db, request.question, hits, scope.vectors?.reranker);
  if (meaning === undefined) {
    return {
      hits: await answer(await rerank(grouped)),
      retrieval: "full_text",
      confidence: estimateConfidence({ coverage }),
      searchable,
    };
  }
  const fused = fuseRankings([grouped, group(meaning)], keyOf);
  return {
    hits: await answer(await rerank(fused.map(({ item, score }) => ({ ...item, score })))),
    retrieval: "hybrid",
    confidence: estimateConfidence({ coverage, similarity: meaning[0]?.score }),
    searchable,
  };
}

/** A question with the words that the index holds in the place of beginnings, compounds and slips. */
export async function readWords(db: D1Database, text: string): Promise<Question> {
  const question = await correctSpelling(db, await spellCompounds(db, readQuestion(text)));
  return expandPrefixes(db, question);
}

/**
 * The passages nearest in meaning, best first; `undefined` without the bindings, when they fail and when they
 * take longer than {@link MEANING_MS}. Phrases in quotes are required, which only full text can check.
 * Results of the vector index are checked against the database: deleted and hidden passages are removed.
 */
async function findByMeaning(
  db: D1Database,
  text: string,
  { phrases }: Question,
  scope: SearchScope,
): Promise<Hit[] | undefined> {
  if (scope.vectors === undefined || phrases.length > 0) return undefined;
  const nearest = await inTime(scope.vectors.findNearest(text, scope), MEANING_MS);
  if (nearest === undefined) return undefined;
  const { results } = await db
    .prepare(
      `SELECT p.id, p.article_id AS articleId, w.value ->> 'score' AS score
      FROM json_each(?1) w CROSS JOIN passages p ON p.id = w.value ->> 'id' CROSS JOIN articles a ON a.id = p.article_id
      WHERE a.collection_id NOT IN (SELECT value FROM json_each(?2)) AND (?3 IS NULL OR a.collection_id = ?3)
      ORDER BY w.key`,
    )
    .bind(JSON.stringify(nearest), JSON.stringify(scope.hidden), scope.only ?? null)
    .all<Hit>();
  return results;
}

interface RankedPassages {
  hits: Hit[];
  /** The share of the query that a hit covers, from 0 to 1. */
  coverageOf(id: number | undefined): number;
}

async function rankPassages(db: D1Database, question: Question, scope: SearchScope): Promise<RankedPassages> {
  const rows = await findCandidates(db, question, scope);
  const counted = readRows(rows).map((passage) => countPassage(passage, scope.weights));
  const scores = await rankAnew(db, question, { counted, weights: scope.weights });
  const statistics = await readTermStatistics(db, listStems(question));
  return {
    hits: orderRows(rows, scores),
    coverageOf(id) {
      const passage = counted.find((candidate) => candidate.id === id);
      return passage === undefined ? 0 : measureCoverage(question, passage, statistics);
    },
  };
}

function listStems({ terms, phrases }: Question): string[] {
  return [...terms.map(({ stem }) => stem), ...phrases.flat().flatMap(tokenize)];
}

function takePage(hits: readonly Hit[], { limit, offset = 0 }: SearchRequest): readonly Hit[] {
  return hits.slice(offset, offset + limit);
}

/** Reads titles and snippets for the hits of one page only. */
async function describeHits(db: D1Database, question: Question, hits: readonly Hit[]): Promise<PassageHit[]> {
  if (hits.length === 0) return [];
  const { results } = await db
    .prepare(
      `SELECT p.id, a.slug, a.title, c.slug AS collection, a.owner, a.review_on AS reviewOn, p.heading, p.anchor, p.body
      FROM json_each(?1) w CROSS JOIN passages p ON p.id = w.value CROSS JOIN articles a ON a.id = p.article_id
        CROSS JOIN collections c ON c.id = a.collection_id`,
    )
    .bind(JSON.stringify(hits.map((hit) => hit.id)))
    .all<Omit<PassageHit, "score" | "snippet"> & { id: number; body: string }>();
  const shown = new Map(results.map((row) => [row.id, row]));
  return hits.flatMap(({ id, score }) => {
    const row = shown.get(id);
    if (!row) return [];
    const { slug, title, collection, heading, anchor, body, owner, reviewOn } = row;
    return [
      {
        ...{ slug, title, collection, heading, anchor, owner, reviewOn },
        snippet: cutSnippet(body, question),
        score: Math.round(score * 10_000) / 10_000,
      },
    ];
  });
}
