import type { DatedFacts, PersonFacts } from "./person-state.ts";

/** Milliseconds after which facts that did not change are stored again with their newer time: a row costs money. */
const STORE_AGAIN_MS = 5 * 60_000;

/** The last facts about a person, which outlive an eviction of the object. */
export interface FactsMemory {
  read(): DatedFacts | undefined;
  keep(known: DatedFacts): void;
  clear(): void;
}

/** {@link FactsMemory} in one row of the object's database. Throws nothing but the database's errors. */
export class StoredFacts implements FactsMemory {
  readonly #sql: SqlStorage;
  #stored: DatedFacts | undefined;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec("CREATE TABLE IF NOT EXISTS person_facts (facts TEXT NOT NULL, as_of INTEGER NOT NULL)");
    const [row] = sql.exec<{ facts: string; as_of: number }>("SELECT facts, as_of FROM person_facts");
    if (row) this.#stored = { facts: JSON.parse(row.facts) as PersonFacts, asOf: row.as_of };
  }

  read(): DatedFacts | undefined {
    return this.#stored;
  }

  keep(known: DatedFacts): void {
    const text = JSON.stringify(known.facts);
    const stored = this.#stored;
    const isSame = stored !== undefined && JSON.stringify(stored.facts) === text;
    if (isSame && Math.abs(known.asOf - stored.asOf) < STORE_AGAIN_MS) return;
    if (stored === undefined) this.#sql.exec("INSERT INTO person_facts VALUES (?, ?)", text, known.asOf);
    else this.#sql.exec("UPDATE person_facts SET facts = ?, as_of = ?", text, known.asOf);
    this.#stored = known;
  }

  clear(): void {
    if (this.#stored !== undefined) this.#sql.exec("DELETE FROM person_facts");
    this.#stored = undefined;
  }
}
