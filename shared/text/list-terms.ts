/**
 * SQL statement that lists the words of an FTS5 index with a prefix, as `{ term }`, at most `limit`, in
 * order. `vocabulary` is an `fts5vocab` table of type `instance`, never a caller's text. It seeks from one
 * word to the next instead of reading every occurrence of each
 * (https://www.sqlite.org/fts5.html#the_fts5vocab_virtual_table_module).
 */
export function listTerms(
  db: D1Database,
  vocabulary: string,
  beginning: string,
  limit: number,
): D1PreparedStatement {
  const next = (after: string) => `(SELECT term FROM ${vocabulary} WHERE term >= ${after} LIMIT 1)`;
  return db
    .prepare(
      `WITH RECURSIVE nearby (term) AS (
         SELECT ${next("?1")} UNION ALL SELECT ${next("nearby.term || char(1)")} FROM nearby WHERE nearby.term < ?2
         LIMIT ?3
       ) SELECT term FROM nearby WHERE term < ?2`,
    )
    .bind(beginning, `${beginning}\u{10FFFF}`, limit);
}
