import { Figures, type Grades } from "../retrieval-measures.ts";

/** A query with its judgements. */
export interface JudgedQuestion {
  text: string;
  /** By article key. */
  articles: Grades;
  /** By `<article key>#<anchor>`; empty where only whole articles were judged. */
  sections: Grades;
}

/** A loaded test collection: its queries, and the article keys of its judgements. */
export interface JudgedSet {
  /** One line about the loaded data. */
  title: string;
  questions: readonly JudgedQuestion[];
  /** The key of each article, by slug. */
  keyOf(slug: string): string;
}

/** Returns the slugs of the best articles for a query, best first. */
export type Ranker = (question: string, limit: number) => Promise<readonly string[]>;

/** Quality of a ranker on a set's queries: the means of nDCG@10 and recall@20. */
export async function measureRanker(set: JudgedSet, rank: Ranker): Promise<{ ndcg: number; recall: number }> {
  const figures = new Figures();
  for (const { text, articles } of set.questions) {
    figures.add((await rank(text, 20)).map(set.keyOf), articles);
  }
  const { ndcg, recall, questions } = figures;
  return { ndcg: ndcg / questions, recall: recall / questions };
}
