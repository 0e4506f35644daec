import { readFile } from "node:fs/promises";
import path from "node:path";
import { ingestDocument } from "../../../workers/knowledge/ingest.ts";
import { ensureCollection } from "../../../workers/knowledge/store/collections.ts";
import type { JudgedSet } from "./judged-set.ts";

const AUTHOR = { id: "bench", name: "Bench" };

interface Text {
  id: string;
  title?: string;
  text: string;
}

/**
 * Imports a test collection through the product's own importer: documents.jsonl (`{ id, title, text }`),
 * questions.jsonl (`{ id, text }`) and judgements.tsv (question, document, grade; first line is a heading).
 */
export async function loadStandardCollection(db: D1Database, folder: string): Promise<JudgedSet> {
  const readLines = async (name: string) =>
    (await readFile(path.join(folder, name), "utf8")).split("\n").filter((line) => line !== "");
  const documents = (await readLines("documents.jsonl")).map((line) => JSON.parse(line) as Text);
  const questions = (await readLines("questions.jsonl")).map((line) => JSON.parse(line) as Text);
  const judgements = new Map<string, Map<string, number>>();
  for (const line of (await readLines("judgements.tsv")).slice(1)) {
    const [question = "", document = "", grade = "0"] = line.split("\t");
    const grades = judgements.get(question) ?? new Map<string, number>();
    judgements.set(question, grades.set(document, Number(grade)));
  }
  const now = new Date();
  const collectionId = await ensureCollection(db, { slug: "bench", title: "Bench" }, AUTHOR, now);
  if (collectionId === null) throw new Error("The bench's collection could not be created.");
  const target = { collectionId, state: new Map(), author: AUTHOR, now };
  for (const { id, title, text } of documents) {
    if (text.trim() === "") continue;
    const document = { path: id, title: title?.trim() || id, body: text, tags: [], metadata: {} };
    await ingestDocument(db, document, target);
  }
  const { results } = await db
    .prepare("SELECT slug, source_path AS id FROM articles")
    .all<{ slug: string; id: string }>();
  const ids = new Map(results.map(({ slug, id }) => [slug, id]));
  return {
    title: `${path.basename(folder)}: ${documents.length} documents`,
    questions: questions.map(({ id, text }) => ({
      text,
      articles: judgements.get(id) ?? new Map(),
      sections: new Map(),
    })),
    keyOf: (slug) => ids.get(slug) ?? slug,
  };
}
