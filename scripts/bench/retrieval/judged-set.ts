import type { Grades } from "../retrieval-measures.ts";

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
