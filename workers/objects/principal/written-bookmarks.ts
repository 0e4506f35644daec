import type { Bookmarks } from "../../../shared/session/database-sessions.ts";

/** Milliseconds for which reads begin with a bookmark: a replica is seconds behind, and minutes at most. */
const KEPT_MS = 10 * 60_000;

/** What the person's calls have written last, by database. One row, so that it costs one. */
export class WrittenBookmarks {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec("CREATE TABLE IF NOT EXISTS written_bookmarks (bookmarks TEXT NOT NULL, at INTEGER NOT NULL)");
  }

  /** For the answer to an intent: empty when nothing was written lately. */
  read(now: number): { bookmarks?: Bookmarks } {
    const [row] = this.#sql
      .exec<{ bookmarks: string; at: number }>("SELECT * FROM written_bookmarks")
      .toArray();
    return row === undefined || Math.abs(now - row.at) > KEPT_MS
      ? {}
      : { bookmarks: JSON.parse(row.bookmarks) as Bookmarks };
  }

  /** The newer of two bookmarks of a database counts: they sort as texts (D1, «Sessions»). */
  add(bookmarks: Bookmarks, now: number): void {
    const known: Record<string, string> = { ...this.read(now).bookmarks };
    for (const [name, bookmark] of Object.entries(bookmarks)) {
      if ((known[name] ?? "") < bookmark) known[name] = bookmark;
    }
    this.#sql.exec("DELETE FROM written_bookmarks");
    this.#sql.exec("INSERT INTO written_bookmarks VALUES (?, ?)", JSON.stringify(known), now);
  }
}
