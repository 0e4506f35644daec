import { type ImportedDocument, type ImportOutcome, ingestDocument } from "../../workers/knowledge/ingest.ts";
import { inspectMedia, keepMedia } from "../../workers/knowledge/media/keep-media.ts";
import { mediaUri } from "../../workers/knowledge/media/media-fields.ts";
import { ensureCollection, type NewCollection } from "../../workers/knowledge/store/collections.ts";
import { listTexts, readImportedState } from "../../workers/knowledge/store/read-imported.ts";
import type { Author } from "../../workers/knowledge/store/rows.ts";
import type { ImportDestination } from "./destination.ts";

/** A collection on this machine's storage. */
export interface LocalCollection {
  db: D1Database;
  /** Bucket of pictures and recordings; if undefined, links to them stay unchanged. */
  bucket?: R2Bucket | undefined;
  collection: NewCollection;
  author: Author;
  now: Date;
  /** Overwrite changes that users made since the last import. */
  overwrite?: boolean | undefined;
}

/** Reasons for a skipped file. */
const REASONS: Partial<Record<ImportOutcome, string>> = {
  edited: "its article was changed by people since the last import",
  duplicate: "another file of the collection has the same text",
};

/**
 * Writes into the databases of this machine, one document at a time. Throws when too many collections exist.
 */
export async function openLocalDestination(options: LocalCollection): Promise<ImportDestination> {
  const { db, bucket, collection, author, now, overwrite } = options;
  const collectionId = await ensureCollection(db, collection, author, now);
  if (collectionId === null) throw new Error("There are as many collections as there can be.");
  const state = await readImportedState(db, collectionId);
  const target = { collectionId, state, texts: listTexts(state), author, now, overwrite };
  const store = async (document: ImportedDocument) => {
    const { path } = document;
    try {
      const outcome = await ingestDocument(db, document, target);
      const reason = REASONS[outcome];
      return { counts: { [outcome]: 1 }, notes: reason === undefined ? [] : [{ path, reason }] };
    } catch (failure) {
      const reason = failure instanceof Error ? failure.message : String(failure);
      return { counts: { failed: 1 }, notes: [{ path, reason }] };
    }
  };
  return {
    piece: { documents: 1, characters: 0 },
    store: ([document]) =>
      document === undefined ? Promise.resolve({ counts: {}, notes: [] }) : store(document),
    ...(bucket !== undefined && {
      async keepMedia({ title, bytes }) {
        const inspected = inspectMedia(bytes);
        if ("refused" in inspected) return inspected;
        const upload = { collectionId, title, bytes, description: "" };
        const { item } = await keepMedia({ db, bucket }, upload, author, now);
        return { url: mediaUri(item.slug) };
      },
    }),
  };
}
