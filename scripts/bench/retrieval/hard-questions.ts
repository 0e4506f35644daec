import { readFile } from "node:fs/promises";
import path from "node:path";
import { searchArticles } from "../../../workers/knowledge/store/search-passages.ts";
import type { JudgedSet } from "./judged-set.ts";

const FILE = path.join(import.meta.dirname, "../documentation/hard-questions.tsv");
/** Confidence below which an answer is probably missing. */
const DOUBT = 0.5;

/**
 * Prints, for both halves of the hard questions over the handbook, how many have the right article first, how many
 * without an answer are recognised by their confidence, and how many right answers that confidence doubts. The rule of the
 * calibration: {@link DOUBT} is the highest cut, in hundredths of the coverage, that doubts no right answer of the first
 * half. So that half shows what was chosen, and the other one how it holds.
 */
export async function reportHardQuestions(db: D1Database, { keyOf }: JudgedSet): Promise<void> {
  const rows = (await readFile(FILE, "utf8")).trim().split("\n").slice(1);
  for (const half of ["calibrated", "held out"]) {
    const right: number[] = [];
    const wrong: number[] = [];
    const unanswered: number[] = [];
    for (const [text = "", article, its] of rows.map((row) => row.split("\t"))) {
      if (its !== half) continue;
      const { hits, confidence } = await searchArticles(db, { question: text, limit: 1 }, { hidden: [] });
      const isRight = keyOf(hits[0]?.slug ?? "") === article;
      (article === "none" ? unanswered : isRight ? right : wrong).push(confidence);
    }
    console.log(
      `hard, ${half.padEnd(10)} right one first ${right.length} of ${right.length + wrong.length}, ${countDoubted(right)} of these doubted, the least sure at ${Math.min(...right)}; without an answer ${countDoubted(unanswered)} of ${unanswered.length} recognised`,
    );
  }
}

function countDoubted(confidences: readonly number[]): number {
  return confidences.filter((confidence) => confidence < DOUBT).length;
}
