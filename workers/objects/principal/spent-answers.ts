/** Milliseconds that a used answer is remembered: longer than the state of a call or a `confirm` value can be used. */
const KEPT_MS = 2 * 60 * 60_000;

/** What stands for a person's answer and was used, in the Principal object's SQLite: each counts once. */
export class SpentAnswers {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(
      "CREATE TABLE IF NOT EXISTS spent_answers (id TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID",
    );
    sql.exec("CREATE INDEX IF NOT EXISTS spent_answers_by_time ON spent_answers (at)");
  }

  /** Uses an answer up. Gives `false` when it was used before. */
  spend(id: string, now: number): boolean {
    this.#sql.exec("DELETE FROM spent_answers WHERE at < ?", now - KEPT_MS);
    return this.#sql.exec("INSERT OR IGNORE INTO spent_answers VALUES (?, ?)", id, now).rowsWritten > 0;
  }
}
