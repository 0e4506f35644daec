/** Grade of each document for a query, by document id; 0 and missing mean irrelevant. */
export type Grades = ReadonlyMap<string, number>;

/**
 * Normalised discounted cumulative gain of the first `depth` documents, from 0 to 1: gain 2^grade − 1,
 * discount log2(place + 1) (Burges et al. 2005). A query without judgements counts as 0.
 */
export function measureNdcg(ranking: readonly string[], grades: Grades, depth: number): number {
  const ideal = sumGains(
    [...grades.values()].sort((a, b) => b - a),
    depth,
  );
  const reached = sumGains(
    ranking.map((id) => grades.get(id) ?? 0),
    depth,
  );
  return ideal === 0 ? 0 : reached / ideal;
}

/** The share of all relevant documents that are among the first `depth`, from 0 to 1. */
export function measureRecall(ranking: readonly string[], grades: Grades, depth: number): number {
  const relevant = [...grades].filter(([, grade]) => grade > 0).map(([id]) => id);
  const found = new Set(ranking.slice(0, depth));
  return relevant.length === 0 ? 0 : relevant.filter((id) => found.has(id)).length / relevant.length;
}

function sumGains(grades: readonly number[], depth: number): number {
  return grades
    .slice(0, depth)
    .reduce((sum, grade, index) => sum + (2 ** grade - 1) / Math.log2(index + 2), 0);
}

/** Sums of the measures over a set of queries. */
export class Figures {
  questions = 0;
  /** Sum of nDCG@10. */
  ndcg = 0;
  /** Sum of recall@20. */
  recall = 0;

  /** Adds one query: the documents found, best first, and the judged ones. */
  add(ranking: readonly string[], grades: Grades): void {
    this.questions++;
    this.ndcg += measureNdcg(ranking, grades, 10);
    this.recall += measureRecall(ranking, grades, 20);
  }
}
