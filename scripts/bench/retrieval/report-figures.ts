import { searchArticles, searchPassages } from "../../../workers/knowledge/store/search-passages.ts";
import { countReads, type Reads } from "../../knowledge/count-reads.ts";
import { Figures } from "../retrieval-measures.ts";
import type { JudgedSet } from "./judged-set.ts";

/** Prints how well the questions are answered: nDCG@10 and recall@20 of articles, and where the right section stands. */
export async function reportRelevance(database: D1Database, set: JudgedSet): Promise<void> {
  // Parameters are chosen on the first of the two halves; the other one tells whether they hold elsewhere.
  const halves = [new Figures(), new Figures()] as const;
  for (const [index, { text, articles }] of set.questions.entries()) {
    const { hits } = await searchArticles(database, { question: text, limit: 20 }, { hidden: [] });
    const ranking = hits.map(({ slug }) => set.keyOf(slug));
    halves[index % 2 === 0 ? 0 : 1].add(ranking, articles);
  }
  const [first, second] = halves;
  const line = (name: string, figure: "ndcg" | "recall") => {
    const all = (first[figure] + second[figure]) / set.questions.length;
    const parts = halves.map((half) => (half[figure] / Math.max(1, half.questions)).toFixed(4));
    console.log(`${name} ${all.toFixed(4)}   odd questions ${parts[0]}, even questions ${parts[1]}`);
  };
  console.log(`${set.title}, ${set.questions.length} questions, full text`);
  line("nDCG@10   ", "ndcg");
  line("recall@20 ", "recall");
  await reportSections(database, set);
}

async function reportSections(database: D1Database, set: JudgedSet): Promise<void> {
  const judged = set.questions.filter(({ sections }) => sections.size > 0);
  if (judged.length === 0) return;
  const within = { 1: 0, 3: 0, 10: 0 };
  for (const { text, sections } of judged) {
    const { hits } = await searchPassages(database, { question: text, limit: 10 }, { hidden: [] });
    const place = hits.findIndex(({ slug, anchor }) => sections.has(`${set.keyOf(slug)}#${anchor}`));
    for (const depth of [1, 3, 10] as const) if (place >= 0 && place < depth) within[depth]++;
  }
  const share = (count: number) => `${((100 * count) / judged.length).toFixed(0)} %`;
  console.log(
    `sections   a judged one first in ${share(within[1])}, among three in ${share(within[3])}, among ten in ${share(within[10])} of ${judged.length}`,
  );
}

/** Prints what a search costs: time inside of SQLite, rows read and statements, one question after the other. */
export async function reportCost(database: D1Database, { questions }: JudgedSet): Promise<void> {
  const counter = countReads(database);
  const times: number[] = [];
  const reads: Reads[] = [];
  for (const { text } of questions) {
    const began = performance.now();
    await searchArticles(counter.db, { question: text, limit: 20 }, { hidden: [] });
    times.push(performance.now() - began);
    reads.push(counter.take());
  }
  const of = (figure: keyof Reads) => reads.map((read) => read[figure]);
  console.log(`search     ${describe(times, 1)} ms, through the local emulator`);
  console.log(`database   ${describe(of("duration"), 1)} ms inside SQLite`);
  console.log(`rows read  ${describe(of("rows"), 0)} in ${Math.max(...of("statements"))} statements at most`);
}

function describe(values: readonly number[], digits: number): string {
  const sorted = [...values].sort((a, b) => a - b);
  const percentile = (share: number) =>
    (sorted[Math.floor(share * (sorted.length - 1))] ?? 0).toFixed(digits);
  return `p50 ${percentile(0.5)}, p95 ${percentile(0.95)}`;
}
