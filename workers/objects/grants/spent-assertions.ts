/**
 * Assertions (RFC 7521) that were used, in a GrantStore object of their own: each counts once. One row lives until its
 * assertion would be refused for its age. Times are Unix seconds.
 */
export class SpentAssertions {
  readonly #sql: SqlStorage;
  #prepared: boolean;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    this.#prepared =
      sql.exec("SELECT 1 FROM sqlite_schema WHERE name = 'spent_assertions'").toArray().length > 0;
  }

  /** Uses an assertion up. Gives `false` when it was used before. */
  spend(id: string, expiresAt: number): boolean {
    this.#prepare();
    return (
      this.#sql.exec("INSERT OR IGNORE INTO spent_assertions VALUES (?, ?)", id, expiresAt).rowsWritten > 0
    );
  }

  /** Forgets those that are too old to be accepted. Returns when the next one is, or `null`. */
  removeExpired(now: number): number | null {
    if (!this.#prepared) return null;
    this.#sql.exec("DELETE FROM spent_assertions WHERE expires_at <= ?", now);
    return this.#sql
      .exec<{ next: number | null }>("SELECT min(expires_at) AS next FROM spent_assertions")
      .one().next;
  }

  #prepare(): void {
    if (this.#prepared) return;
    this.#sql.exec(
      "CREATE TABLE IF NOT EXISTS spent_assertions (id TEXT PRIMARY KEY, expires_at INTEGER NOT NULL) WITHOUT ROWID",
    );
    this.#sql.exec("CREATE INDEX IF NOT EXISTS spent_assertions_by_end ON spent_assertions (expires_at)");
    this.#prepared = true;
  }
}
