import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import type { ImportedDocument } from "../../workers/knowledge/ingest.ts";
import type { Metadata } from "../../workers/knowledge/store/rows.ts";
import { emptyCounts, type ImportCounts, type ImportDestination, type StoredPiece } from "./destination.ts";
import { linkMedia } from "./link-media.ts";
import { listFiles } from "./list-files.ts";
import { limitBytes, readDocument } from "./read-document.ts";

/** What to import. */
export interface FolderImport {
  folder: string;
  /** Paths in the folder, with `/`; if undefined, all documents below it. */
  files?: readonly string[] | undefined;
  /** Metadata for every article of this folder. */
  metadata?: Metadata | undefined;
  /** Called for every file that was skipped or could not be read. */
  onSkip(path: string, reason: string): void;
  /** Called after every finished file. */
  onProgress?(done: number, total: number): void;
}

/**
 * Imports every document below a folder. Files are independent: a failed file is reported and the others
 * continue, and after an interruption the next import continues where this one stopped. A repeated import
 * changes nothing.
 */
export async function importFolder(
  destination: ImportDestination,
  request: FolderImport,
): Promise<ImportCounts> {
  const counts = emptyCounts();
  const files = request.files ?? (await listWithOthers(request));
  let waiting: ImportedDocument[] = [];
  let characters = 0;
  const store = async (done: number) => {
    addUp(counts, await destination.store(waiting), request);
    waiting = [];
    characters = 0;
    request.onProgress?.(done, files.length);
  };
  for (const [index, file] of files.entries()) {
    const read = await readFileOf(destination, file, request);
    if (!("document" in read)) {
      addUp(counts, { counts: { [read.outcome]: 1 }, notes: [{ path: file, reason: read.reason }] }, request);
      if (waiting.length === 0) request.onProgress?.(index + 1, files.length);
      continue;
    }
    const { document } = read;
    const { piece } = destination;
    if (waiting.length > 0 && characters + document.body.length > piece.characters) await store(index);
    waiting.push(document);
    characters += document.body.length;
    if (waiting.length >= piece.documents) await store(index + 1);
  }
  if (waiting.length > 0) await store(files.length);
  return counts;
}

/** The documents of a folder; reports kinds of files that cannot be articles. */
async function listWithOthers({ folder, onSkip }: FolderImport): Promise<string[]> {
  const { documents, others } = await listFiles(folder);
  for (const [kind, count] of [...others].sort()) {
    onSkip(kind, `${count} ${count === 1 ? "file" : "files"} of this kind left out`);
  }
  return documents;
}

function addUp(counts: ImportCounts, piece: StoredPiece, { onSkip }: FolderImport): void {
  for (const [outcome, count] of Object.entries(piece.counts)) counts[outcome as keyof ImportCounts] += count;
  for (const { path, reason } of piece.notes) onSkip(path, reason);
}

/** One file as a document, with its pictures and recordings stored; or the reason why it is none. */
async function readFileOf(
  destination: ImportDestination,
  file: string,
  { folder, metadata, onSkip }: FolderImport,
): Promise<{ document: ImportedDocument } | { outcome: "skipped" | "failed"; reason: string }> {
  try {
    const location = path.join(folder, file);
    const { size } = await stat(location);
    const limit = limitBytes(file);
    if (size > limit) return { outcome: "skipped", reason: `too large: ${size} bytes, at most ${limit}` };
    const read = await readDocument(file, await readFile(location), metadata);
    if ("skipped" in read) return { outcome: "skipped", reason: read.skipped };
    const { document, notes } = read;
    for (const note of notes) onSkip(file, note);
    const body = await linkMedia(file, document.body, { destination, folder, onSkip });
    return { document: { ...document, body } };
  } catch (failure) {
    return { outcome: "failed", reason: failure instanceof Error ? failure.message : String(failure) };
  }
}
