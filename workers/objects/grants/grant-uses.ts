/** Origin of an app's token request. Client data, already cleaned for display. */
export interface GrantUse {
  /** The app's address, or `null` if the platform does not know it. */
  address: string | null;
  /** The app's `User-Agent`, or `null`. */
  userAgent: string | null;
}

/**
 * First and last token request of a grant's app, and the origin of the last. Milliseconds since the epoch.
 */
export interface GrantUses extends GrantUse {
  grantId: string;
  firstAt: number;
  lastAt: number;
}

const TABLE = `
  CREATE TABLE IF NOT EXISTS grant_uses (
    grant_id TEXT PRIMARY KEY, first_at INTEGER NOT NULL, last_at INTEGER NOT NULL, address TEXT,
    user_agent TEXT) WITHOUT ROWID`;

/**
 * Where each grant is used, so that a user can tell two machines with one app apart. An active app asks for
 * tokens at least every half hour, which is the precision of the last use. Grants of an earlier release have
 * no entry until their app asks again.
 */
export class GrantUseRecords {
  readonly #sql: SqlStorage;
  #prepared: boolean;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    this.#prepared = sql.exec("SELECT 1 FROM sqlite_schema WHERE name = 'grant_uses'").toArray().length > 0;
  }

  note(grantId: string, { address, userAgent }: GrantUse, at: number): void {
    if (!this.#prepared) this.#sql.exec(TABLE);
    this.#prepared = true;
    this.#sql.exec(
      `INSERT INTO grant_uses (grant_id, first_at, last_at, address, user_agent) VALUES (?1, ?2, ?2, ?3, ?4)
       ON CONFLICT (grant_id) DO UPDATE SET last_at = ?2, address = ?3, user_agent = ?4`,
      grantId,
      at,
      address,
      userAgent,
    );
  }

  list(): GrantUses[] {
    if (!this.#prepared) return [];
    return this.#sql
      .exec<{ [Name in keyof GrantUses]: GrantUses[Name] }>(
        "SELECT grant_id AS grantId, first_at AS firstAt, last_at AS lastAt, address, user_agent AS userAgent FROM grant_uses",
      )
      .toArray();
  }

  forget(grantId: string): void {
    if (this.#prepared) this.#sql.exec("DELETE FROM grant_uses WHERE grant_id = ?", grantId);
  }
}
