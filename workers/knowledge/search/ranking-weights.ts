/**
 * The numbers of the ranking. `npm run bench -- knowledge --leave-one-out` chooses them on all test collections but one and
 * measures that one: a step is here because it gained there on the mean of four. The product's own differ from these
 * choices in `b`, the question's share and the share of similar passages, with the documentation in view: the choices cost
 * it 0.019 of nDCG@10. Fields and counts are not chosen there.
 */
export interface RankingWeights {
  /**
   * BM25 (Robertson and Walker 1994): saturation of a word's occurrences, and strength of length
   * normalisation.
   */
  k1: number;
  b: number;
  /** Weight of a word in each field; its occurrences are summed before they saturate (BM25F). */
  fields: Readonly<Record<"title" | "heading" | "body" | "tags", number>>;
  /**
   * Exponent of a word's occurrences in the query: a long query repeats its topic. 0 counts each word once.
   */
  repetition: number;
  /** The question expanded by what its best passages say (RM3). */
  feedback: {
    /** Number of passages to read, and of their words to keep. */
    passages: number;
    terms: number;
    /**
     * Words added to the length of each passage: in a passage of one line every word has a large share but
     * little meaning.
     */
    pseudoLength: number;
    /** Share of the query's own words in the expanded one (λ); 1 disables the step. */
    questionShare: number;
    /** A passage with a lower score counts less: e to the difference over this share of the best score. */
    temperature: number;
  };
  /** Number of similar passages that contribute to a passage's score, and their share in it. */
  neighbours: { count: number; share: number };
  /** An article has the score of its best passage; the next two add this share each. */
  secondPassage: number;
}

/** Weights in production. */
export const WEIGHTS: RankingWeights = {
  k1: 1.2,
  b: 0.85,
  fields: { title: 3, heading: 2, body: 1, tags: 2 },
  repetition: 1,
  feedback: { passages: 10, terms: 30, pseudoLength: 100, questionShare: 0.75, temperature: 0.1 },
  neighbours: { count: 7, share: 0.3 },
  secondPassage: 0.2,
};
