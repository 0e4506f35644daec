import { foldText } from "../../../shared/text/fold-text.ts";

/** A colleague responsible for companies, contacts and deals. */
export interface OwnerRow {
  id: string;
  name: string;
  email: string;
}

const MAX_OWNERS = 6;
const MOST_OWNERS = 1_000;

/** The people of the sales team; a small table. */
export class OwnerStore {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** Owners with this id or e-mail, or whose name begins with it in any spelling; at most 6. */
  async find(text: string): Promise<OwnerRow[]> {
    const { results } = await this.#db
      .prepare("SELECT id, name, email FROM owners ORDER BY name LIMIT ?")
      .bind(MOST_OWNERS)
      .all<OwnerRow>();
    const wanted = foldText(text).trim();
    const fits = ({ id, name, email }: OwnerRow) =>
      id === text || email === text.toLowerCase() || foldText(name).startsWith(wanted);
    return results.filter(fits).slice(0, MAX_OWNERS);
  }

  /** The owner with this e-mail, such as the caller. */
  async findByEmail(email: string): Promise<OwnerRow | null> {
    return await this.#db
      .prepare("SELECT id, name, email FROM owners WHERE email = ?")
      .bind(email.toLowerCase())
      .first<OwnerRow>();
  }
}
