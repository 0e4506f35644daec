import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { measureRanker } from "../../scripts/bench/retrieval/judged-set.ts";
import { openNodeD1 } from "../../scripts/bench/retrieval/node-d1.ts";
import { loadStandardCollection } from "../../scripts/bench/retrieval/standard-collection.ts";
import { applyMigrations, readMigrations } from "../../scripts/local/migrate.ts";
import { ROOT } from "../../scripts/local/root.ts";
import { searchArticles } from "../../workers/knowledge/store/search-passages.ts";

const DOCUMENTS = 3_000;

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "collection-"));
  const documents = Array.from({ length: DOCUMENTS }, (_, index) =>
    JSON.stringify({
      id: `d${index}`,
      title: "Letter to the Editor",
      text: `Remark number w${index} on sorting.`,
    }),
  );
  await writeFile(path.join(folder, "documents.jsonl"), documents.join("\n"));
  await writeFile(path.join(folder, "questions.jsonl"), JSON.stringify({ id: "q", text: "remark w2999" }));
  await writeFile(path.join(folder, "judgements.tsv"), "question\tdocument\tgrade\nq\td2999\t1\n");
});

afterAll(() => rm(folder, { recursive: true }));

describe("a test collection whose documents share one title", () => {
  it("is imported whole, and each document is found under its own id", async () => {
    const { db, close } = openNodeD1();
    try {
      await applyMigrations(db, await readMigrations(path.join(ROOT, "migrations/knowledge")));
      const set = await loadStandardCollection(db, folder);
      const { results } = await db.prepare("SELECT slug FROM articles").all<{ slug: string }>();
      expect(new Set(results.map(({ slug }) => set.keyOf(slug))).size).toBe(DOCUMENTS);
      const found = await measureRanker(set, async (question, limit) => {
        const { hits } = await searchArticles(db, { question, limit }, { hidden: [] });
        return hits.map(({ slug }) => slug);
      });
      expect(found).toEqual({ ndcg: 1, recall: 1 });
    } finally {
      close();
    }
  });
});
