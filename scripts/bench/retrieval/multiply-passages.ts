import { indexPending } from "../../../workers/knowledge/store/index-passages.ts";

/**
 * Multiplies the passages inside of the database until at least `passages` exist; the frequency of their
 * words stays the same. Returns the resulting number.
 */
export async function multiplyPassages(db: D1Database, passages: number): Promise<number> {
  const held =
    (await db
      .prepare(
        "SELECT count(*) AS n FROM passages p JOIN articles a ON a.id = p.article_id WHERE instr(a.slug, '-copy-') = 0",
      )
      .first<number>("n")) ?? 0;
  const copied = (await db.prepare("SELECT count(*) AS n FROM passages").first<number>("n")) ?? 0;
  for (let copies = copied / held; held * copies < passages; copies++) {
    await db.batch([
      db
        .prepare(
          `INSERT INTO articles (slug, collection_id, title, version, created_at, created_by, created_by_name, updated_at,
            updated_by, updated_by_name, source_path)
          SELECT slug || '-copy-' || ?1, collection_id, title, version, created_at, created_by, created_by_name,
            updated_at, updated_by, updated_by_name, source_path || '-copy-' || ?1
          FROM articles WHERE instr(slug, '-copy-') = 0`,
        )
        .bind(copies),
      db
        .prepare(
          `INSERT INTO passages (article_id, collection, ordinal, level, anchor, title, heading, body, tags)
          SELECT n.id, p.collection, p.ordinal, p.level, p.anchor, p.title, p.heading, p.body, p.tags
          FROM articles a JOIN articles n ON n.slug = a.slug || '-copy-' || ?1 JOIN passages p ON p.article_id = a.id
          WHERE instr(a.slug, '-copy-') = 0 ORDER BY p.id`,
        )
        .bind(copies),
    ]);
  }
  await indexPending(db, Number.MAX_SAFE_INTEGER);
  // Writes copies oldest first, as articles are written; real writes merge the index in the background.
  await db.prepare("INSERT INTO passages_index (passages_index) VALUES ('optimize')").run();
  return (await db.prepare("SELECT count(*) AS n FROM passages").first<number>("n")) ?? 0;
}
