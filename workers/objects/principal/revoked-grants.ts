/**
 * Milliseconds that a revoked grant is remembered: longer than the 30 days after which a connection that nobody
 * refreshes ends, so that no copy of its tokens outlives the memory.
 */
const KEPT_MS = 32 * 24 * 60 * 60_000;

/**
 * The revoked grants of one person, in the Principal object's SQLite, and single access tokens that were given back.
 * Ids of grants have 16 characters and those of tokens are SHA-256, so that they share a table and cannot meet.
 */
export class RevokedGrants {
  readonly #sql: SqlStorage;
  /** Everything in the table: every call asks twice. */
  readonly #known: Set<string>;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(
      "CREATE TABLE IF NOT EXISTS revoked_grants (grant_id TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID",
    );
    const rows = sql.exec<{ grant_id: string }>("SELECT grant_id FROM revoked_grants").toArray();
    this.#known = new Set(rows.map(({ grant_id }) => grant_id));
  }

  /** From now on {@link has} knows the grant or token. Forgets those that nothing can refer to any more. */
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
