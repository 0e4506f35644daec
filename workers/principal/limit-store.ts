import type { DayUse } from "./daily-quota.ts";
import type { Place } from "./running-calls.ts";

/** A call that was let through. */
export interface PassedCall {
  at: number;
  clientId: string;
  costlyTool: string | null;
}

/** What changes with every call and is small: who runs, and what the day has used. */
export interface LimitState {
  places: readonly Place[];
  use: DayUse;
}

/** Where a limiter's knowledge outlives its object. */
export interface LimitStore {
  /** Oldest first. */
  readPassed(): PassedCall[];
  /** Adds a call and forgets all but the newest `kept`. */
  addPassed(call: PassedCall, kept: number): void;
  readState(): LimitState;
  writeState(state: LimitState): void;
}

type PassedRow = { seq: number; at: number; client_id: string; costly_tool: string | null };

/** {@link LimitStore} in the Principal object's SQLite: at most as many rows as a person may make calls a minute. */
export class SqlLimitStore implements LimitStore {
  readonly #sql: SqlStorage;
  #newest = 0;
  #count = 0;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(
      `CREATE TABLE IF NOT EXISTS passed_calls (
         seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, client_id TEXT NOT NULL, costly_tool TEXT)`,
    );
    sql.exec(
      "CREATE TABLE IF NOT EXISTS limit_state (id INTEGER PRIMARY KEY CHECK (id = 1), state TEXT NOT NULL)",
    );
  }

  readPassed(): PassedCall[] {
    const rows = this.#sql.exec<PassedRow>("SELECT * FROM passed_calls ORDER BY seq").toArray();
    this.#newest = rows.at(-1)?.seq ?? 0;
    this.#count = rows.length;
    return rows.map((row) => ({ at: row.at, clientId: row.client_id, costlyTool: row.costly_tool }));
  }

  addPassed({ at, clientId, costlyTool }: PassedCall, kept: number): void {
    const seq = this.#newest + 1;
    const oldest = seq - this.#count;
    if (this.#count < kept) {
      this.#sql.exec("INSERT INTO passed_calls VALUES (?, ?, ?, ?)", seq, at, clientId, costlyTool);
      this.#count += 1;
    } else {
      // The oldest call's row becomes the newest call's: one row is written and not two.
      this.#sql.exec(
        "UPDATE passed_calls SET seq = ?, at = ?, client_id = ?, costly_tool = ? WHERE seq = ?",
        seq,
        at,
        clientId,
        costlyTool,
        oldest,
      );
      if (this.#count > kept) this.#sql.exec("DELETE FROM passed_calls WHERE seq <= ?", seq - kept);
      this.#count = kept;
    }
    this.#newest = seq;
  }

  readState(): LimitState {
    const [row] = this.#sql.exec<{ state: string }>("SELECT state FROM limit_state").toArray();
    return row ? (JSON.parse(row.state) as LimitState) : { places: [], use: { day: 0, units: 0 } };
  }

  writeState(state: LimitState): void {
    this.#sql.exec(
      "INSERT INTO limit_state VALUES (1, ?1) ON CONFLICT (id) DO UPDATE SET state = ?1",
      JSON.stringify(state),
    );
  }
}
