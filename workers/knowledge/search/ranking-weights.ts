/**
 * The numbers of the ranking. `npm run bench -- knowledge --leave-one-out` chooses them on all test collections but one and
 * measures that one: a step is here because it gained there on the mean of four. The values are those that most of these
 * choices agree on. `b` is not: they prefer 0.6, by which the documentation loses. Fields and counts are not chosen there.
 */
export interface RankingWeights {
  /** BM25 (Robertson and Walker 1994): how late a word's occurrences saturate, and how far length is made up for. */
  k1: number;
  b: number;
  /** What a word counts for in each field; its occurrences are summed before they saturate (BM25F). */
  fields: Readonly<Record<"title" | "heading" | "body" | "tags", number>>;
  /** Exponent of how often the question says a word: a long question repeats what it is about. 0 counts each word once. */
  repetition: number;
  /** The question expanded by what its best passages say (RM3). */
  feedback: {
    /** How many passages are read, and how many of their words are kept. */
    passages: number;
    terms: number;
    /** Words added to the length of each: in a passage of one line every word is a large share, and tells little. */
    pseudoLength: number;
    /** Share of the question's own words in the expanded one (λ); 1 leaves the step out. */
    questionShare: number;
    /** A passage that scores less counts less: e to the difference over this share of the best score. */
    temperature: number;
  };
  /** How many of the most similar passages speak for a passage, and their share in its score. */
  neighbours: { count: number; share: number };
  /** An article counts by its best passage; its next two add this share each. */
  secondPassage: number;
}

/** The product's weights. */
export const WEIGHTS: RankingWeights = {
  k1: 1.2,
  b: 0.75,
  fields: { title: 2, heading: 2, body: 1, tags: 2 },
  repetition: 1,
  feedback: { passages: 10, terms: 30, pseudoLength: 100, questionShare: 0.7, temperature: 0.1 },
  neighbours: { count: 7, share: 0.4 },
  secondPassage: 0.2,
};
