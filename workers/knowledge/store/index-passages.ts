import { segmentText } from "../../../shared/text/segment-words.ts";

/**
 * Version of the folding in the index. Increment it with a change to `shared/text` that folds differently.
 */
export const FOLDING = 1;

/** Passages per batch. */
const SLICE = 100;
/** Maximum passages that a search indexes again. */
const WITH_A_SEARCH = 200;
/** Milliseconds for which an empty queue is cached: a Worker of the previous version may still write. */
const BELIEVED_MS = 600_000;
const settled = new WeakMap<D1Database, number>();

/** The words of a passage in the form of the index. */
export function segmentPassage<Fields extends "title" | "heading" | "body" | "tags">(
  passage: Record<Fields, string>,
): Record<Fields, string> {
  const fields = Object.entries<string>(passage).map(([name, text]) => [name, segmentText(text)]);
  return Object.fromEntries(fields) as Record<Fields, string>;
}

/**
 * Indexes passages of other folding versions again, oldest version first, until none are left or `limit` is
 * reached. Returns their number. Each slice is one batch; a passage that was replaced meanwhile is skipped.
 */
export async function indexPending(db: D1Database, limit: number): Promise<number> {
  let done = 0;
  while (done < limit) {
    const { results } = await db
      .prepare(
        `SELECT id, article_id, title, heading, body, tags, collection FROM passages
         WHERE folded < ?1 ORDER BY folded, id LIMIT ?2`,
      )
      .bind(FOLDING, SLICE)
      .all<PendingPassage>();
    if (results.length === 0) break;
    await indexSlice(db, results);
    done += results.length;
  }
  return done;
}

/**
 * The same before a search: a limited number of passages, and no query if none were left a short time ago.
 */
export async function indexBeforeSearch(db: D1Database, now = Date.now()): Promise<void> {
  if (now - (settled.get(db) ?? 0) < BELIEVED_MS) return;
  if ((await indexPending(db, WITH_A_SEARCH)) < WITH_A_SEARCH) settled.set(db, now);
}

interface PendingPassage extends Record<"title" | "heading" | "body" | "tags" | "collection", string> {
  id: number;
  article_id: number;
}

async function indexSlice(db: D1Database, passages: readonly PendingPassage[]): Promise<void> {
  const rows = passages.map(({ id, article_id, collection, ...texts }) => ({
    ...segmentPassage(texts),
    ...{ id, article_id, collection },
  }));
  const json = JSON.stringify(rows);
  const current = `SELECT j.value ->> 'id' FROM json_each(?1) j
    JOIN passages p ON p.id = j.value ->> 'id' AND p.article_id = j.value ->> 'article_id' WHERE p.folded < ?2`;
  await db.batch([
    db.prepare(`DELETE FROM passages_index WHERE rowid IN (${current})`).bind(json, FOLDING),
    db
      .prepare(
        `INSERT INTO passages_index (rowid, title, heading, body, tags, collection)
         SELECT value ->> 'id', value ->> 'title', value ->> 'heading', value ->> 'body', value ->> 'tags',
           value ->> 'collection'
         FROM json_each(?1) WHERE value ->> 'id' IN (${current}) ORDER BY 1`,
      )
      .bind(json, FOLDING),
    db.prepare(`UPDATE passages SET folded = ?2 WHERE id IN (${current})`).bind(json, FOLDING),
  ]);
}
