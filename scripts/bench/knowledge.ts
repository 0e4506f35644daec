import path from "node:path";
import { openLocalDatabases } from "../local/databases.ts";
import { CommandFailure, reportFailure } from "../local/failure.ts";
import { applyMigrations, readMigrations } from "../local/migrate.ts";
import { FIGURES_HELP } from "./figures-table.ts";
import { readBench } from "./options.ts";
import { loadDocumentation } from "./retrieval/documentation.ts";
import { reportHardQuestions } from "./retrieval/hard-questions.ts";
import { reportLeaveOneOut } from "./retrieval/leave-one-out.ts";
import { multiplyPassages } from "./retrieval/multiply-passages.ts";
import { reportCost, reportRelevance } from "./retrieval/report-figures.ts";
import { loadStandardCollection } from "./retrieval/standard-collection.ts";

const HELP = `Measures the knowledge base's ranking and what it costs, in an empty database in memory.

  npm run bench -- knowledge                          145 questions over the documentation that npm start imports
  npm run bench -- knowledge --collection <folder>    a test collection: documents.jsonl ({ id, title, text }),
                                                      questions.jsonl ({ id, text }) and judgements.tsv (question,
                                                      document, grade; first line is a heading)
  npm run bench -- knowledge --leave-one-out <folders>  several such collections, separated by commas: weights chosen
                                                      on all but one are measured on that one, next to plain BM25
  npm run bench -- knowledge --passages 10000,100000  also time and rows read at these sizes; with either
  npm run bench -- knowledge --plans                  also how the database reaches each answer; with any

${FIGURES_HELP}
`;

try {
  await run();
} catch (failure) {
  process.exitCode = reportFailure(failure);
}

async function run(): Promise<void> {
  const { values } = readBench("knowledge");
  const sizes = (values.passages ?? "").split(",").filter(Boolean).map(Number);
  if (!sizes.every((size) => Number.isInteger(size) && size > 0)) {
    throw new CommandFailure("--passages takes numbers, such as 10000,100000.", HELP);
  }
  const folders = (values["leave-one-out"] ?? "").split(",").filter(Boolean);
  if (folders.length > 0) return reportLeaveOneOut(folders.map((folder) => path.resolve(folder)));
  const databases = await openLocalDatabases(null);
  try {
    const database = databases.all.find(({ binding }) => binding === "KNOWLEDGE_DB");
    if (!database) throw new Error("KNOWLEDGE_DB is not configured.");
    const db = database.connection;
    await applyMigrations(db, await readMigrations(database.migrationsFolder));
    const set =
      values.collection === undefined
        ? await loadDocumentation(db)
        : await loadStandardCollection(db, path.resolve(values.collection));
    await reportRelevance(db, set);
    if (values.collection === undefined) await reportHardQuestions(db, set);
    await reportCost(db, set, values);
    for (const size of sizes.sort((a, b) => a - b)) {
      console.log(`\n${await multiplyPassages(db, size)} passages`);
      await reportCost(db, set, values);
    }
  } finally {
    await databases.close();
  }
}
