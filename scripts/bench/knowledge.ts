import { readFile } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import { ingestDocument } from "../../workers/knowledge/ingest.ts";
import { ensureCollection } from "../../workers/knowledge/store/collections.ts";
import { searchArticles } from "../../workers/knowledge/store/search-passages.ts";
import { type LocalDatabase, openLocalDatabases } from "../local/databases.ts";
import { CommandFailure, reportFailure } from "../local/failure.ts";
import { applyMigrations, readMigrations } from "../local/migrate.ts";
import { type Grades, measureNdcg, measureRecall } from "./retrieval-measures.ts";

const HELP = `Measures the knowledge base's ranking on a test collection, in an empty database in memory.

  node scripts/bench/knowledge.ts --collection <folder>

The folder holds documents.jsonl ({ id, title, text }), questions.jsonl ({ id, text }) and judgements.tsv
(question, document, grade; first line is a heading).
`;
const AUTHOR = { id: "bench", name: "Bench" };

process.env.WRANGLER_SEND_METRICS = "false";
process.env.CLOUDFLARE_CF_FETCH_ENABLED = "false";

try {
  await run();
} catch (failure) {
  process.exitCode = reportFailure(failure);
}

async function run(): Promise<void> {
  const { values } = parseArgs({ options: { collection: { type: "string" } } });
  if (values.collection === undefined) throw new CommandFailure("No collection was named.", HELP);
  const collection = await readCollection(path.resolve(values.collection));
  const databases = await openLocalDatabases(null);
  try {
    const database = databases.all.find(({ binding }) => binding === "KNOWLEDGE_DB");
    if (!database) throw new Error("KNOWLEDGE_DB is not configured.");
    await load(database, collection.documents);
    await report(database.connection, collection);
  } finally {
    await databases.close();
  }
}

interface Text {
  id: string;
  title?: string;
  text: string;
}

interface TestCollection {
  documents: Text[];
  questions: Text[];
  judgements: ReadonlyMap<string, Grades>;
}

async function readCollection(folder: string): Promise<TestCollection> {
  const readLines = async (name: string) =>
    (await readFile(path.join(folder, name), "utf8")).split("\n").filter((line) => line !== "");
  const judgements = new Map<string, Map<string, number>>();
  for (const line of (await readLines("judgements.tsv")).slice(1)) {
    const [question = "", document = "", grade = "0"] = line.split("\t");
    const grades = judgements.get(question) ?? new Map<string, number>();
    judgements.set(question, grades.set(document, Number(grade)));
  }
  const documents = (await readLines("documents.jsonl")).map((line) => JSON.parse(line) as Text);
  const questions = (await readLines("questions.jsonl")).map((line) => JSON.parse(line) as Text);
  return { documents, questions, judgements };
}

async function load(database: LocalDatabase, documents: readonly Text[]): Promise<void> {
  const db = database.connection;
  await applyMigrations(db, await readMigrations(database.migrationsFolder));
  const now = new Date();
  const collectionId = await ensureCollection(db, { slug: "bench", title: "Bench" }, AUTHOR, now);
  if (collectionId === null) throw new Error("The bench's collection could not be created.");
  const target = { collectionId, state: new Map(), author: AUTHOR, now };
  const began = performance.now();
  for (const { id, title, text } of documents) {
    if (text.trim() === "") continue;
    const document = { path: id, title: title?.trim() || id, body: text, tags: [], metadata: {} };
    await ingestDocument(db, document, target);
  }
  console.log(`${documents.length} documents loaded in ${((performance.now() - began) / 1000).toFixed(1)} s`);
}

async function report(db: D1Database, { questions, judgements }: TestCollection): Promise<void> {
  const { results } = await db
    .prepare("SELECT slug, source_path AS id FROM articles")
    .all<{ slug: string; id: string }>();
  const idOf = new Map(results.map((row) => [row.slug, row.id]));
  let ndcg = 0;
  let recall = 0;
  const times: number[] = [];
  for (const question of questions) {
    const began = performance.now();
    const hits = await searchArticles(db, { question: question.text, limit: 20 });
    times.push(performance.now() - began);
    const ranking = hits.map((hit) => idOf.get(hit.slug) ?? "");
    const grades = judgements.get(question.id) ?? new Map<string, number>();
    ndcg += measureNdcg(ranking, grades, 10);
    recall += measureRecall(ranking, grades, 20);
  }
  times.sort((a, b) => a - b);
  const percentile = (share: number) => (times[Math.floor(share * (times.length - 1))] ?? 0).toFixed(1);
  console.log(`${questions.length} questions`);
  console.log(`nDCG@10    ${(ndcg / questions.length).toFixed(4)}`);
  console.log(`recall@20  ${(recall / questions.length).toFixed(4)}`);
  console.log(`search     p50 ${percentile(0.5)} ms, p95 ${percentile(0.95)} ms, through the local emulator`);
}
