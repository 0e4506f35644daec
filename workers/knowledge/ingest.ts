import { digestText } from "../../shared/encoding/canonical-json.ts";
import { makeSlug } from "./markdown/make-slug.ts";
import { type ImportedState, listTexts, readImportedAt } from "./store/read-imported.ts";
import type { Author, Metadata } from "./store/rows.ts";
import { insertArticle, insertVersion, WriteConflict } from "./store/write-articles.ts";

/** A file to import as an article. */
export interface ImportedDocument {
  /** Path inside the imported folder, with `/`: the article's identity across imports. */
  path: string;
  title: string;
  /**
   * Markdown without front matter, line ends as `
   * `, valid for `refuseBody`.
   */
  body: string;
  tags: readonly string[];
  metadata: Metadata;
}

/**
 * Result of importing a document. `edited`: users changed the article since its import, so it is unchanged.
 * `duplicate`: another file of the collection has the same text, so it is skipped.
 */
export type ImportOutcome = "created" | "updated" | "unchanged" | "edited" | "duplicate";

/** Collection and author of imported documents. */
export interface ImportTarget {
  collectionId: number;
  state: ImportedState;
  /**
   * Path by text hash of the imported files; each import adds to it. If undefined, no document is a
   * duplicate.
   */
  texts?: Map<string, string> | undefined;
  author: Author;
  now: Date;
  /** Overwrite changes that users made since the last import; their versions stay in the history. */
  overwrite?: boolean | undefined;
}

/** Imports one document: creates a new one, writes a new version of a changed one, skips an equal one. */
export async function ingestDocument(
  db: D1Database,
  document: ImportedDocument,
  target: ImportTarget,
): Promise<ImportOutcome> {
  const [hash, contentHash] = [hashDocument(document), digestText(document.body)];
  const source = { path: document.path, hash, contentHash };
  const known = target.state.get(document.path);
  const twin = target.texts?.get(contentHash);
  if (!known && twin !== undefined && twin !== document.path) return "duplicate";
  target.texts?.set(contentHash, document.path);
  if (!known) {
    const slug = makeSlug(document.title);
    const changeNote = `Imported from ${document.path}`;
    const article = { ...document, collectionId: target.collectionId, slug, changeNote, source };
    await insertArticle(db, article, target.author, target.now);
    return "created";
  }
  if (known.hash === hash) return "unchanged";
  if (known.version !== known.sourceVersion && !target.overwrite) return "edited";
  const changeNote = `Imported again from ${document.path}`;
  const next = { ...document, id: known.id, expectedVersion: known.version, changeNote, source };
  await insertVersion(db, next, target.author, target.now);
  return "updated";
}

/** Result of importing a document; `conflict`: another user wrote its article at the same moment. */
export type PieceOutcome = ImportOutcome | "conflict";

/**
 * Imports some documents into a collection, in sequence and each on its own; reads only the stored articles
 * that these need. Safe to repeat.
 */
export async function ingestPiece(
  db: D1Database,
  documents: readonly ImportedDocument[],
  target: Omit<ImportTarget, "state" | "texts">,
): Promise<PieceOutcome[]> {
  const contentHashes = documents.map(({ body }) => digestText(body));
  const paths = documents.map(({ path }) => path);
  const state = new Map(await readImportedAt(db, target.collectionId, { paths, contentHashes }));
  const texts = listTexts(state);
  const outcomes: PieceOutcome[] = [];
  for (const document of documents) {
    try {
      outcomes.push(await ingestDocument(db, document, { ...target, state, texts }));
    } catch (failure) {
      if (!(failure instanceof WriteConflict)) throw failure;
      outcomes.push("conflict");
    }
  }
  return outcomes;
}

/**
 * SHA-256 in hex over everything that an import writes, so that a changed tag or licence counts as a change.
 */
function hashDocument(document: ImportedDocument): string {
  const { title, body, tags, metadata } = document;
  return digestText(JSON.stringify([title, body, tags, metadata]));
}
