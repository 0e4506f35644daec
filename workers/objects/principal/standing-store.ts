import type { StandingApproval } from "../../../shared/objects/standing-approval.ts";

/** Milliseconds after the end of a standing approval that it is kept. */
const KEPT_AFTER_END_MS = 30 * 24 * 60 * 60_000;

/** Standing approvals in the requester's Principal object: few, so each is one JSON text. */
export class StandingStore {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(
      "CREATE TABLE IF NOT EXISTS standing_approval (id TEXT PRIMARY KEY, until INTEGER NOT NULL, body TEXT NOT NULL) WITHOUT ROWID",
    );
  }

  write(standing: StandingApproval): void {
    this.#sql.exec(
      "INSERT INTO standing_approval VALUES (?1, ?2, ?3) ON CONFLICT (id) DO UPDATE SET body = ?3",
      standing.id,
      standing.until,
      JSON.stringify(standing),
    );
  }

  read(id: string): StandingApproval | null {
    const [row] = this.#sql
      .exec<{ body: string }>("SELECT body FROM standing_approval WHERE id = ?", id)
      .toArray();
    return row ? (JSON.parse(row.body) as StandingApproval) : null;
  }

  /** In the order in which they end. */
  list(): StandingApproval[] {
    return this.#sql
      .exec<{ body: string }>("SELECT body FROM standing_approval ORDER BY until, id")
      .toArray()
      .map(({ body }) => JSON.parse(body) as StandingApproval);
  }

  /** Deletes those that ended long ago. */
  forget(now: number): void {
    this.#sql.exec("DELETE FROM standing_approval WHERE until <= ?", now - KEPT_AFTER_END_MS);
  }
}
