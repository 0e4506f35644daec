import { readFile } from "node:fs/promises";
import path from "node:path";
import { searchArticles } from "../../../workers/knowledge/store/search-passages.ts";
import type { JudgedSet } from "./judged-set.ts";

const FILE = path.join(import.meta.dirname, "../documentation/hard-questions.tsv");
/** Confidence below which an answer is probably missing. */
const DOUBT = 0.5;

/**
 * Prints, for both halves of the hard questions about the handbook, how many have the right article first,
 * how many without an answer have a low confidence, and how many right answers have a low confidence.
 */
export async function reportHardQuestions(db: D1Database, { keyOf }: JudgedSet): Promise<void> {
  const rows = (await readFile(FILE, "utf8")).trim().split("\n").slice(1);
  for (const half of ["calibrated", "held out"]) {
    const counts = { answered: 0, first: 0, doubted: 0, unanswered: 0, recognised: 0 };
    for (const [text = "", article, its] of rows.map((row) => row.split("\t"))) {
      if (its !== half) continue;
      const { hits, confidence } = await searchArticles(db, { question: text, limit: 1 }, { hidden: [] });
      if (article === "none") {
        counts.unanswered++;
        if (confidence < DOUBT) counts.recognised++;
        continue;
      }
      counts.answered++;
      const isRight = keyOf(hits[0]?.slug ?? "") === article;
      if (isRight) counts.first++;
      if (isRight && confidence < DOUBT) counts.doubted++;
    }
    const { answered, first, doubted, unanswered, recognised } = counts;
    console.log(
      `hard, ${half.padEnd(10)} right one first ${first} of ${answered}, ${doubted} of these doubted; without an answer ${recognised} of ${unanswered} recognised`,
    );
  }
}
