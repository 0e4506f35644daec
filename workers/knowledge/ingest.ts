import { makeSlug } from "./markdown/make-slug.ts";
import type { ImportedState } from "./store/read-imported.ts";
import type { Author, Metadata } from "./store/rows.ts";
import { insertArticle, insertVersion } from "./store/write-articles.ts";

/** A file that becomes an article. */
export interface ImportedDocument {
  /** Path inside the imported folder, with `/`: the article's identity across imports. */
  path: string;
  title: string;
  /** Markdown without front matter, line ends as `\n`, checked with `refuseBody`. */
  body: string;
  tags: readonly string[];
  metadata: Metadata;
}

/** What importing a document did. `edited`: people changed the article since its import, so it was left alone. */
export type ImportOutcome = "created" | "updated" | "unchanged" | "edited";

/** Where imported documents go, and under whose name. */
export interface ImportTarget {
  collectionId: number;
  state: ImportedState;
  author: Author;
  now: Date;
  /** Write over changes that people made since the last import; their versions stay in the history. */
  overwrite?: boolean | undefined;
}

/** Imports one document: a new one is created, a changed one becomes a new version, an equal one changes nothing. */
export async function ingestDocument(
  db: D1Database,
  document: ImportedDocument,
  target: ImportTarget,
): Promise<ImportOutcome> {
  const hash = await hashDocument(document);
  const source = { path: document.path, hash };
  const known = target.state.get(document.path);
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

/** SHA-256 in hex over everything that an import writes, so that a changed tag or licence is a change, too. */
async function hashDocument(document: ImportedDocument): Promise<string> {
  const { title, body, tags, metadata } = document;
  const bytes = new TextEncoder().encode(JSON.stringify([title, body, tags, metadata]));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
