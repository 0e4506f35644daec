import { searchArticles, searchPassages } from "../../../workers/knowledge/store/search-passages.ts";
import { countReads, type Reads } from "../count-reads.ts";
import { type FiguresStyle, startFigures } from "../figures-table.ts";
import { Figures } from "../retrieval-measures.ts";
import type { JudgedSet } from "./judged-set.ts";
import { QUESTIONS, type Sample } from "./questions.ts";

/**
 * Prints the relevance of the results: nDCG@10 and recall@20 of articles, and the rank of the right section.
 */
export async function reportRelevance(database: D1Database, set: JudgedSet): Promise<void> {
  // Parameters are tuned on the first of the two halves; the other one validates them.
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

/** Prints the cost of the knowledge base's queries, one after the other: time inside SQLite and rows read. */
export async function reportCost(
  database: D1Database,
  { questions }: JudgedSet,
  style: FiguresStyle,
): Promise<void> {
  const counter = countReads(database);
  const samples = await readSamples(database, questions);
  const columns = ["p50 ms", "p95 ms", "p50 rows", "p95 rows", "statements"];
  const table = startFigures(database, columns, style);
  for (const { title, ask } of QUESTIONS) {
    const asked: Reads[] = [];
    for (const sample of samples) {
      await ask(counter.db, sample);
      asked.push(counter.take());
    }
    const times = asked.map(({ milliseconds }) => milliseconds);
    const rows = asked.map((reads) => reads.rows);
    const figures = [
      percentile(times, 0.5).toFixed(1),
      percentile(times, 0.95).toFixed(1),
      percentile(rows, 0.5).toLocaleString("en"),
      percentile(rows, 0.95).toLocaleString("en"),
      String(Math.max(...asked.map(({ statements }) => statements.length))),
    ];
    await table.add(
      title,
      figures,
      asked.flatMap(({ statements }) => statements),
    );
  }
  table.end();
}

/** The judged questions, each with any section of the collection. */
async function readSamples(database: D1Database, questions: JudgedSet["questions"]): Promise<Sample[]> {
  const last = (await database.prepare("SELECT max(id) AS last FROM passages").first<number>("last")) ?? 0;
  const answers = await database.batch<Omit<Sample, "text">>(
    questions.map((_, index) =>
      database
        .prepare(
          `SELECT a.slug, p.anchor, a.collection_id AS collectionId FROM passages p JOIN articles a ON a.id = p.article_id
           WHERE p.id > ? LIMIT 1`,
        )
        .bind(Math.floor((last * index) / questions.length)),
    ),
  );
  return answers.flatMap(({ results }, index) =>
    results.map((row) => ({ text: questions[index]?.text ?? "", ...row })),
  );
}

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(share * (sorted.length - 1))] ?? 0;
}
