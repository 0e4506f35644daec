import type { ImportedDocument, ImportOutcome } from "../../workers/knowledge/ingest.ts";

/** How many documents had which outcome; `skipped` ones cannot be articles, `failed` ones may work the next time. */
export type ImportCounts = Record<ImportOutcome | "skipped" | "failed", number>;

/** What became of some documents, and what is to be said about those that were left alone. */
export interface StoredPiece {
  counts: Partial<ImportCounts>;
  notes: readonly { path: string; reason: string }[];
}

/** A picture or recording on its way in. */
export interface ImportedMedia {
  title: string;
  bytes: Uint8Array;
}

/** A collection that documents are imported into: of this machine, or of a Gatehouse somewhere. */
export interface ImportDestination {
  /** What one `store` takes. */
  piece: { documents: number; characters: number };
  store(documents: readonly ImportedDocument[]): Promise<StoredPiece>;
  /** Keeps a picture or recording and gives its address, or says why it cannot. Without it links stay as they are. */
  keepMedia?(media: ImportedMedia): Promise<{ url: string } | { refused: string }>;
}

/** No document yet. */
export function emptyCounts(): ImportCounts {
  return { created: 0, updated: 0, unchanged: 0, edited: 0, duplicate: 0, skipped: 0, failed: 0 };
}
