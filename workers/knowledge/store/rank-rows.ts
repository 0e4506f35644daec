import type { Question } from "../search/build-match.ts";
import {
  type CountedPassage,
  expandQuestion,
  type PassageStems,
  readPassage,
  type Scores,
  scorePassages,
  weighQuestion,
} from "../search/rank-passages.ts";
import { type RankingWeights, WEIGHTS } from "../search/ranking-weights.ts";
import { type Neighbours, smoothScores } from "../search/smooth-scores.ts";
import { type FoundRow, RANKED_ANEW } from "./find-candidates.ts";
import { inTime } from "./in-time.ts";
import { readTermStatistics } from "./term-statistics.ts";

/** The expansion of a question may take this long, in milliseconds; after that the first ranking stands. */
const EXPANSION_MS = 250;
/** A question's beginnings (`word*`) may stand for this many stems. */
const MAX_WEIGHED = 200;

/** A ranked passage. */
export interface Hit {
  id: number;
  articleId: number;
  score: number;
}

/** The words of the rows that came with their text. */
export function readRows(rows: readonly FoundRow[]): PassageStems[] {
  return rows.flatMap(({ id, text }) => {
    if (text === null) return [];
    const [title, heading, body, tags] = JSON.parse(text) as [string, string, string, string];
    return [readPassage({ id, title, heading, body, tags })];
  });
}

/** Candidates to rank. The bench gives weights to try, and neighbours that it has counted before. */
export interface RankingTask {
  counted: readonly CountedPassage[];
  weights?: RankingWeights | undefined;
  neighbours?: readonly Neighbours[] | undefined;
}

/** Ranks the first choice by the question, by what its best passages say, and by what similar passages are worth. */
export async function rankAnew(
  db: D1Database,
  question: Question,
  { counted, weights: by, neighbours }: RankingTask,
): Promise<Scores> {
  const weights = new Map([...weighQuestion(question, counted, by)].slice(0, MAX_WEIGHED));
  const first = scorePassages(counted, weights, await readTermStatistics(db, weights.keys()), by);
  const expanded = expandQuestion(weights, counted, first, by);
  const statistics = await inTime(readTermStatistics(db, expanded.keys()), EXPANSION_MS);
  const scores = statistics === undefined ? first : scorePassages(counted, expanded, statistics, by);
  return smoothScores(counted, scores, by, neighbours);
}

/** All rows, best first; those that were not ranked again follow in the order of the first choice. */
export function orderRows(rows: readonly FoundRow[], scores: Scores): Hit[] {
  const floor = Math.min(...scores.values());
  return rows
    .map(({ id, articleId }, place) => ({
      id,
      articleId,
      score: scores.get(id) ?? (floor * RANKED_ANEW) / (place + 1),
    }))
    .sort((a, b) => b.score - a.score || a.id - b.id);
}

/** One hit per article: its best passage, with a share of the next two. */
export function groupByArticle(hits: readonly Hit[], { secondPassage } = WEIGHTS): Hit[] {
  const groups = Map.groupBy(hits, (hit) => hit.articleId);
  return [...groups.values()]
    .flatMap(([best, ...others]) => {
      if (!best) return [];
      const more = others.slice(0, 2).reduce((sum, { score }) => sum + score, 0);
      return [{ ...best, score: best.score + secondPassage * more }];
    })
    .sort((a, b) => b.score - a.score || a.articleId - b.articleId);
}
