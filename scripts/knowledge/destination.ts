import type { ImportedDocument, ImportOutcome } from "../../workers/knowledge/ingest.ts";

/**
 * Number of documents per outcome; `skipped` ones cannot be articles, `failed` ones may succeed next time.
 */
export type ImportCounts = Record<ImportOutcome | "skipped" | "failed", number>;

/** Result of storing some documents, with notes on skipped ones. */
export interface StoredPiece {
  counts: Partial<ImportCounts>;
  notes: readonly { path: string; reason: string }[];
}

/** A picture or recording to import. */
export interface ImportedMedia {
  title: string;
  bytes: Uint8Array;
}

/** Destination of an import: a collection on this machine, or of a running Gatehouse. */
export interface ImportDestination {
  /** Maximum input of one `store` call. */
  piece: { documents: number; characters: number };
  store(documents: readonly ImportedDocument[]): Promise<StoredPiece>;
  /**
   * Stores a picture or recording and returns its URI, or the reason of a refusal. If undefined, links stay
   * unchanged.
   */
  keepMedia?(media: ImportedMedia): Promise<{ url: string } | { refused: string }>;
}

/** Counts of zero. */
export function emptyCounts(): ImportCounts {
  return { created: 0, updated: 0, unchanged: 0, edited: 0, duplicate: 0, skipped: 0, failed: 0 };
}
