/** Stored articles of earlier imports, by path. */
export type ImportedState = ReadonlyMap<string, ImportedArticle>;

/** An article after an earlier import. */
export interface ImportedArticle {
  id: number;
  hash: string;
  version: number;
  sourceVersion: number;
  /** Hash of its imported text; `null` for imports from before texts were hashed. */
  contentHash: string | null;
}

/** Path by text hash, of all files of earlier imports. */
export function listTexts(state: ImportedState): Map<string, string> {
  return new Map(Array.from(state, ([path, { contentHash }]) => [contentHash ?? "", path]));
}

const PAGE = 2_000;

/** Reads the state of earlier imports in a collection. Memory grows with the number of imported files. */
export async function readImportedState(db: D1Database, collectionId: number): Promise<ImportedState> {
  const state = new Map<string, ImportedArticle>();
  for (let after = 0; ; ) {
    const { results } = await db
      .prepare(
        `SELECT id, source_path AS path, source_hash AS hash, version, source_version AS sourceVersion,
          content_hash AS contentHash
        FROM articles WHERE collection_id = ?1 AND source_path IS NOT NULL AND id > ?2 ORDER BY id LIMIT ?3`,
      )
      .bind(collectionId, after, PAGE)
      .all<ImportedArticle & { path: string }>();
    for (const { path, ...article } of results) state.set(path, article);
    const last = results.at(-1);
    if (!last || results.length < PAGE) return state;
    after = last.id;
  }
}

/** Reads the state of earlier imports at these paths, and under these text hashes. */
export async function readImportedAt(
  db: D1Database,
  collectionId: number,
  wanted: { paths: readonly string[]; contentHashes: readonly string[] },
): Promise<ImportedState> {
  const { results } = await db
    .prepare(
      `SELECT id, source_path AS path, source_hash AS hash, version, source_version AS sourceVersion,
        content_hash AS contentHash
      FROM articles WHERE id IN (
        SELECT id FROM articles WHERE collection_id = ?1 AND source_path IN (SELECT value FROM json_each(?2))
        UNION
        SELECT id FROM articles WHERE collection_id = ?1 AND content_hash IN (SELECT value FROM json_each(?3)))
      AND source_path IS NOT NULL ORDER BY id`,
    )
    .bind(collectionId, JSON.stringify(wanted.paths), JSON.stringify(wanted.contentHashes))
    .all<ImportedArticle & { path: string }>();
  return new Map(results.map(({ path, ...article }) => [path, article]));
}
