/** A colleague who looks after companies, contacts and deals. */
export interface OwnerRow {
  id: string;
  name: string;
  email: string;
}

const MAX_OWNERS = 6;

/** The people of the sales team; a small table. */
export class OwnerStore {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** Owners whose id or e-mail this is, or whose name begins with it; at most 6. */
  async find(text: string): Promise<OwnerRow[]> {
    const pattern = `${text.replace(/[\\%_]/g, "\\$&")}%`;
    const { results } = await this.#db
      .prepare(
        `SELECT id, name, email FROM owners
         WHERE id = ?1 OR email = lower(?1) OR name LIKE ?2 ESCAPE '\\' ORDER BY name LIMIT ?3`,
      )
      .bind(text, pattern, MAX_OWNERS)
      .all<OwnerRow>();
    return results;
  }

  /** The owner with this e-mail, such as the caller. */
  async findByEmail(email: string): Promise<OwnerRow | null> {
    return await this.#db
      .prepare("SELECT id, name, email FROM owners WHERE email = ?")
      .bind(email.toLowerCase())
      .first<OwnerRow>();
  }
}
