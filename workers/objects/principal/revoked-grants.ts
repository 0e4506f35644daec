/**
 * Milliseconds that a revoked grant is remembered: longer than the 30 days after which an unused connection
 * ends, so that no copy of its tokens outlives the entry. A revoked API key is gone from the database as well.
 */
const KEPT_MS = 32 * 24 * 60 * 60_000;

/**
 * Revoked grants of one user, in the Principal object's SQLite, and single revoked access tokens. Ids of
 * grants have 16 characters, those of API keys begin with `key_`, and those of tokens are SHA-256, so they share a
 * table without collisions.
 */
export class RevokedGrants {
  readonly #sql: SqlStorage;
  /** Copy of the table: every call looks twice. */
  readonly #known: Set<string>;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(
      "CREATE TABLE IF NOT EXISTS revoked_grants (grant_id TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID",
    );
    const rows = sql.exec<{ grant_id: string }>("SELECT grant_id FROM revoked_grants").toArray();
    this.#known = new Set(rows.map(({ grant_id }) => grant_id));
  }

  /** Adds a grant or token. Deletes entries that no valid token can refer to. */
  add(id: string, now: number): void {
    const old = this.#sql
      .exec<{ grant_id: string }>("DELETE FROM revoked_grants WHERE at < ? RETURNING grant_id", now - KEPT_MS)
      .toArray();
    for (const { grant_id } of old) this.#known.delete(grant_id);
    this.#sql.exec("INSERT OR REPLACE INTO revoked_grants VALUES (?, ?)", id, now);
    this.#known.add(id);
  }

  has(id: string): boolean {
    return this.#known.has(id);
  }
}
