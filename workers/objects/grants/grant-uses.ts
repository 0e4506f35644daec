/** From where an app asked for tokens. Client data, already cleaned for showing. */
export interface GrantUse {
  /** The app's address, or `null` where the platform names none. */
  address: string | null;
  /** What the app calls itself in HTTP, or `null`. */
  userAgent: string | null;
}

/** When a grant's app asked for tokens first and last, and from where the last time. Milliseconds since the epoch. */
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
 * From where each grant is used, so that a person can tell two machines with one app apart. An app asks for tokens at
 * least every half hour while it is used, so that is how exact the last time is. Grants of an earlier release have no
 * entry until their app asks again.
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
