import { Figures, type Grades } from "../retrieval-measures.ts";

/** A question with what answers it. */
export interface JudgedQuestion {
  text: string;
  /** By article key. */
  articles: Grades;
  /** By `<article key>#<anchor>`; empty where only whole articles were judged. */
  sections: Grades;
}

/** A loaded test collection: its questions, and the key that judgements know an article by. */
export interface JudgedSet {
  /** One line that says what was loaded. */
  title: string;
  questions: readonly JudgedQuestion[];
  /** The key of each article, by slug. */
  keyOf(slug: string): string;
}

/** Gives the slugs of the best articles for a question, best first. */
export type Ranker = (question: string, limit: number) => Promise<readonly string[]>;

/** How well a ranker answers a set's questions: the means of nDCG@10 and recall@20. */
export async function measureRanker(set: JudgedSet, rank: Ranker): Promise<{ ndcg: number; recall: number }> {
  const figures = new Figures();
  for (const { text, articles } of set.questions) {
    figures.add((await rank(text, 20)).map(set.keyOf), articles);
  }
  const { ndcg, recall, questions } = figures;
  return { ndcg: ndcg / questions, recall: recall / questions };
}
