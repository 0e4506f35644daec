import { readFile } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import { ingestDocument } from "../../workers/knowledge/ingest.ts";
import { ensureCollection } from "../../workers/knowledge/store/collections.ts";
import { searchArticles } from "../../workers/knowledge/store/search-passages.ts";
import { countReads, type Reads } from "../knowledge/count-reads.ts";
import { type LocalDatabase, openLocalDatabases } from "../local/databases.ts";
import { CommandFailure, reportFailure } from "../local/failure.ts";
import { applyMigrations, readMigrations } from "../local/migrate.ts";
import { Figures, type Grades } from "./retrieval-measures.ts";

const HELP = `Measures the knowledge base's ranking on a test collection, in an empty database in memory.

  node scripts/bench/knowledge.ts --collection <folder>
  node scripts/bench/knowledge.ts --collection <folder> --passages 100000   time and rows read at this size

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
  const { values } = parseArgs({ options: { collection: { type: "string" }, passages: { type: "string" } } });
  if (values.collection === undefined) throw new CommandFailure("No collection was named.", HELP);
  const collection = await readCollection(path.resolve(values.collection));
  const databases = await openLocalDatabases(null);
  try {
    const database = databases.all.find(({ binding }) => binding === "KNOWLEDGE_DB");
    if (!database) throw new Error("KNOWLEDGE_DB is not configured.");
    await load(database, collection.documents);
    if (values.passages !== undefined) await growTo(database.connection, Number(values.passages));
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

/** Multiplies the passages inside of the database until there are `passages`: their words stay as frequent. */
async function growTo(db: D1Database, passages: number): Promise<void> {
  const held = (await db.prepare("SELECT max(id) AS n FROM passages").first<number>("n")) ?? 0;
  for (let copies = 1; held * copies < passages; copies++) {
    await db.batch([
      db
        .prepare(
          `INSERT INTO articles (slug, collection_id, title, version, created_at, created_by, created_by_name, updated_at,
            updated_by, updated_by_name, source_path)
          SELECT slug || '-copy-' || ?1, collection_id, title, version, created_at, created_by, created_by_name,
            updated_at, updated_by, updated_by_name, source_path || '-copy-' || ?1
          FROM articles WHERE instr(slug, '-copy-') = 0`,
        )
        .bind(copies),
      db
        .prepare(
          `INSERT INTO passages (article_id, collection, ordinal, level, anchor, title, heading, body, tags)
          SELECT n.id, p.collection, p.ordinal, p.level, p.anchor, p.title, p.heading, p.body, p.tags
          FROM passages p JOIN articles a ON a.id = p.article_id JOIN articles n ON n.slug = a.slug || '-copy-' || ?1
          WHERE p.id <= ?2`,
        )
        .bind(copies, held),
    ]);
  }
  // Copies are written oldest first, as articles are; the index merges them in the background of real writes.
  await db.prepare("INSERT INTO passages_index (passages_index) VALUES ('optimize')").run();
  const now = await db.prepare("SELECT count(*) AS n FROM passages").first<number>("n");
  console.log(`${now} passages`);
}

async function report(database: D1Database, { questions, judgements }: TestCollection): Promise<void> {
  const { results } = await database
    .prepare("SELECT slug, source_path AS id FROM articles")
    .all<{ slug: string; id: string }>();
  const idOf = new Map(results.map((row) => [row.slug, row.id.replace(/-copy-.*/, "")]));
  const counter = countReads(database);
  // Parameters are chosen on the first of the two halves; the other one tells whether they hold elsewhere.
  const halves = [new Figures(), new Figures()] as const;
  const times: number[] = [];
  const reads: Reads[] = [];
  for (const [index, question] of questions.entries()) {
    const began = performance.now();
    const { hits } = await searchArticles(counter.db, { question: question.text, limit: 20 }, { hidden: [] });
    times.push(performance.now() - began);
    reads.push(counter.take());
    const ranking = hits.map((hit) => idOf.get(hit.slug) ?? "");
    halves[index % 2 === 0 ? 0 : 1].add(ranking, judgements.get(question.id) ?? new Map<string, number>());
  }
  const [chosen, held] = halves;
  const line = (name: string, figure: "ndcg" | "recall") => {
    const all = (chosen[figure] + held[figure]) / questions.length;
    const parts = halves.map((half) => (half[figure] / Math.max(1, half.questions)).toFixed(4));
    console.log(`${name} ${all.toFixed(4)}   odd questions ${parts[0]}, even questions ${parts[1]}`);
  };
  console.log(`${questions.length} questions, full text`);
  line("nDCG@10   ", "ndcg");
  line("recall@20 ", "recall");
  console.log(`search     ${describe(times, 1)} ms, through the local emulator`);
  console.log(
    `database   ${describe(
      reads.map((read) => read.duration),
      1,
    )} ms inside SQLite`,
  );
  console.log(
    `rows read  ${describe(
      reads.map((read) => read.rows),
      0,
    )} in ${Math.max(...reads.map((read) => read.statements))} statements at most`,
  );
}

function describe(values: readonly number[], digits: number): string {
  const sorted = [...values].sort((a, b) => a - b);
  const percentile = (share: number) =>
    (sorted[Math.floor(share * (sorted.length - 1))] ?? 0).toFixed(digits);
  return `p50 ${percentile(0.5)}, p95 ${percentile(0.95)}`;
}
