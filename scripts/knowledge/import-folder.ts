import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import { type ImportOutcome, type ImportTarget, ingestDocument } from "../../workers/knowledge/ingest.ts";
import { ensureCollection, type NewCollection } from "../../workers/knowledge/store/collections.ts";
import { listTexts, readImportedState } from "../../workers/knowledge/store/read-imported.ts";
import type { Author, Metadata } from "../../workers/knowledge/store/rows.ts";
import { linkMedia } from "./link-media.ts";
import { listDocuments } from "./list-files.ts";
import { limitBytes, readDocument } from "./read-document.ts";

/** What to import, where to, and under whose name. */
export interface FolderImport {
  folder: string;
  /** Paths in the folder, with `/`; every document below it when left out. */
  files?: readonly string[] | undefined;
  collection: NewCollection;
  author: Author;
  now: Date;
  /** Where pictures and recordings go; without it links to them stay as they are. */
  bucket?: R2Bucket | undefined;
  /** Facts that every article of this folder carries. */
  metadata?: Metadata | undefined;
  /** Write over what people changed since the last import. */
  overwrite?: boolean | undefined;
  /** Told about every file that was left out, left alone or could not be read. */
  onSkip(path: string, reason: string): void;
  /** Told after every file. */
  onProgress?(done: number, total: number): void;
}

/** How many files had which outcome; `skipped` ones cannot be articles, `failed` ones may work the next time. */
export type ImportCounts = Record<ImportOutcome | "skipped" | "failed", number>;

/** What is said about a file that was left alone. */
const REASONS: Partial<Record<ImportOutcome, string>> = {
  edited: "its article was changed by people since the last import",
  duplicate: "another file of the collection has the same text",
};

/**
 * Imports every document below a folder. Each file is stored on its own: one that fails is reported and the others go
 * on, and after an end in the middle the next import goes on where this one stopped. Importing again changes nothing.
 */
export async function importFolder(db: D1Database, request: FolderImport): Promise<ImportCounts> {
  const counts: ImportCounts = {
    created: 0,
    updated: 0,
    unchanged: 0,
    edited: 0,
    duplicate: 0,
    skipped: 0,
    failed: 0,
  };
  const { author, now, overwrite } = request;
  const collectionId = await ensureCollection(db, request.collection, author, now);
  if (collectionId === null) throw new Error("There are as many collections as there can be.");
  const state = await readImportedState(db, collectionId);
  const target = { collectionId, state, texts: listTexts(state), author, now, overwrite };
  const files = request.files ?? (await listDocuments(request.folder));
  for (const [index, file] of files.entries()) {
    const { outcome, reason } = await importFile(db, file, request, target).catch((failure: unknown) => ({
      outcome: "failed" as const,
      reason: failure instanceof Error ? failure.message : String(failure),
    }));
    counts[outcome]++;
    if (reason !== undefined) request.onSkip(file, reason);
    request.onProgress?.(index + 1, files.length);
  }
  return counts;
}

async function importFile(
  db: D1Database,
  file: string,
  { folder, metadata, bucket, onSkip }: FolderImport,
  target: ImportTarget,
): Promise<{ outcome: keyof ImportCounts; reason?: string | undefined }> {
  const location = path.join(folder, file);
  const { size } = await stat(location);
  const limit = limitBytes(file);
  if (size > limit) return { outcome: "skipped", reason: `too large: ${size} bytes, at most ${limit}` };
  const read = await readDocument(file, await readFile(location), metadata);
  if ("skipped" in read) return { outcome: "skipped", reason: read.skipped };
  const { document } = read;
  const body =
    bucket === undefined
      ? document.body
      : await linkMedia(file, document.body, { ...target, home: { db, bucket }, folder, onSkip });
  const outcome = await ingestDocument(db, { ...document, body }, target);
  return { outcome, reason: REASONS[outcome] };
}
