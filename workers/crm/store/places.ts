import { foldText } from "../../../shared/text/fold-text.ts";
import { matchPlaces, type Place, type Places } from "../search/places.ts";

/** Values of one kind that are looked through. */
const MOST_VALUES = 2_000;
const MOST_COUNTED = 10_000;

/** The countries, cities and industries of companies. */
export class PlaceStore {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** The values that there are, one spelling of each. Goes from one to the next by the index. */
  async list(place: Place): Promise<string[]> {
    const { results } = await this.#db
      .prepare(
        `WITH RECURSIVE found (value) AS (
           SELECT min(${place} COLLATE NOCASE) FROM companies
           UNION ALL
           SELECT (SELECT min(${place} COLLATE NOCASE) FROM companies WHERE companies.${place} > found.value COLLATE NOCASE)
             FROM found WHERE found.value IS NOT NULL)
         SELECT value FROM found WHERE value IS NOT NULL LIMIT ${MOST_VALUES}`,
      )
      .all<{ value: string }>();
    return results.map(({ value }) => value);
  }

  /** The stored spellings of a value; the text itself where there are more values than are looked through. */
  async find(place: Place, text: string): Promise<string[]> {
    const values = await this.list(place);
    const found = values.filter((value) => foldText(value) === foldText(text));
    return found.length === 0 && values.length === MOST_VALUES ? [text] : found;
  }

  /** How many rows are filed so, counted up to 10,000. */
  async count(table: "contacts" | "companies" | "deals", places: Places): Promise<number> {
    const condition = matchPlaces(table, places, 2);
    if (condition === undefined) return 0;
    const count = await this.#db
      .prepare(`SELECT count(*) AS n FROM (${condition.rows} LIMIT ?1)`)
      .bind(MOST_COUNTED, ...condition.values)
      .first<number>("n");
    return count ?? 0;
  }
}
