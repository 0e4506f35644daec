/** Seconds for which an identical refresh gets the first response again. */
const ANSWER_TTL = 60;
/** Seconds for which a used refresh token is recognised. Longer than an unused refresh token lives. */
const RETIRED_TTL = 31 * 24 * 60 * 60;

const TABLES = `
  CREATE TABLE IF NOT EXISTS retired_tokens (
    grant_id TEXT NOT NULL, token_id TEXT NOT NULL, expires_at INTEGER NOT NULL,
    PRIMARY KEY (grant_id, token_id)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS answers (
    grant_id TEXT NOT NULL, answer_id TEXT NOT NULL, sealed BLOB NOT NULL, expires_at INTEGER NOT NULL,
    PRIMARY KEY (grant_id, answer_id))`;

/**
 * History of a grant's refresh tokens besides the two that the OAuth library stores: used ones, so that their
 * reuse is detected (RFC 9700 §4.14.2), and the last response, so that clients that refresh in parallel get
 * the same tokens. Stores digests and encrypted bytes only. Times are Unix seconds.
 */
export class RefreshHistory {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  createTables(): void {
    this.#sql.exec(TABLES);
  }

  /**
   * Records the replacement of a grant's record. Token ids that the new record no longer accepts are used,
   * and an earlier response is no longer the newest.
   */
  follow(grantId: string, before: string, after: string, now: number): void {
    const accepted = Object.values(readTokenIds(after));
    for (const tokenId of Object.values(readTokenIds(before))) {
      if (tokenId === undefined || accepted.includes(tokenId)) continue;
      this.#sql.exec(
        "INSERT OR IGNORE INTO retired_tokens VALUES (?, ?, ?)",
        grantId,
        tokenId,
        now + RETIRED_TTL,
      );
    }
    this.#sql.exec("DELETE FROM answers WHERE grant_id = ?", grantId);
  }

  /** Whether a refresh token with this id was issued for the grant and has been used. */
  isRetired(grantId: string, tokenId: string): boolean {
    const found = this.#sql.exec(
      "SELECT 1 FROM retired_tokens WHERE grant_id = ? AND token_id = ?",
      grantId,
      tokenId,
    );
    return found.toArray().length > 0;
  }

  keepAnswer(grantId: string, answerId: string, sealed: ArrayBuffer, now: number): void {
    this.#sql.exec("REPLACE INTO answers VALUES (?, ?, ?, ?)", grantId, answerId, sealed, now + ANSWER_TTL);
  }

  findAnswer(grantId: string, answerId: string, now: number): ArrayBuffer | null {
    const [row] = this.#sql
      .exec<{ sealed: ArrayBuffer }>(
        "SELECT sealed FROM answers WHERE grant_id = ? AND answer_id = ? AND expires_at > ?",
        grantId,
        answerId,
        now,
      )
      .toArray();
    return row?.sealed ?? null;
  }

  forget(grantId: string): void {
    this.#sql.exec("DELETE FROM retired_tokens WHERE grant_id = ?", grantId);
    this.#sql.exec("DELETE FROM answers WHERE grant_id = ?", grantId);
  }

  removeExpired(now: number): void {
    this.#sql.exec("DELETE FROM retired_tokens WHERE expires_at <= ?", now);
    this.#sql.exec("DELETE FROM answers WHERE expires_at <= ?", now);
  }
}

/** Ids of the refresh tokens that a grant's record accepts, by the names of the library's schema. */
export function readTokenIds(record: string): { newest: string | undefined; previous: string | undefined } {
  const grant = JSON.parse(record) as Record<string, string | undefined> | null;
  return { newest: grant?.refreshTokenId, previous: grant?.previousRefreshTokenId };
}
