import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import { type ImportOutcome, ingestDocument } from "../../workers/knowledge/ingest.ts";
import { ensureCollection, type NewCollection } from "../../workers/knowledge/store/collections.ts";
import { readImportedState } from "../../workers/knowledge/store/read-imported.ts";
import type { Author, Metadata } from "../../workers/knowledge/store/rows.ts";
import { listMarkdown } from "./list-markdown.ts";
import { MAX_FILE_BYTES, readDocument } from "./read-document.ts";

/** What to import, where to, and under whose name. */
export interface FolderImport {
  folder: string;
  collection: NewCollection;
  author: Author;
  now: Date;
  /** Facts that every article of this folder carries. */
  metadata?: Metadata | undefined;
  /** Write over what people changed since the last import. */
  overwrite?: boolean | undefined;
  /** Told about every file that was left out or left alone. */
  onSkip(path: string, reason: string): void;
}

/** How many files had which outcome; `skipped` ones cannot be articles. */
export type ImportCounts = Record<ImportOutcome | "skipped", number>;

/** Imports every Markdown file below a folder. Importing the same folder again changes nothing. */
export async function importFolder(db: D1Database, request: FolderImport): Promise<ImportCounts> {
  const counts: ImportCounts = { created: 0, updated: 0, unchanged: 0, edited: 0, skipped: 0 };
  const { author, now, overwrite } = request;
  const collectionId = await ensureCollection(db, request.collection, author, now);
  if (collectionId === null) throw new Error("There are as many collections as there can be.");
  const target = { collectionId, state: await readImportedState(db, collectionId), author, now, overwrite };
  for (const file of await listMarkdown(request.folder)) {
    const read = await readFileAsDocument(request.folder, file, request.metadata);
    if ("skipped" in read) {
      counts.skipped++;
      request.onSkip(file, read.skipped);
      continue;
    }
    const outcome = await ingestDocument(db, read.document, target);
    counts[outcome]++;
    if (outcome === "edited") request.onSkip(file, "its article was changed by people since the last import");
  }
  return counts;
}

async function readFileAsDocument(folder: string, file: string, metadata: Metadata | undefined) {
  const location = path.join(folder, file);
  const { size } = await stat(location);
  if (size > MAX_FILE_BYTES) return { skipped: `too large: ${size} bytes, at most ${MAX_FILE_BYTES}` };
  return readDocument(file, await readFile(location), metadata);
}
