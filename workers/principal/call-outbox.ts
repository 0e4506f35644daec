import type { Intent, Outcome } from "../../shared/guard/admit.ts";

/** A finished call on its way to the platform database. `status` is `unknown` when no outcome ever came. */
export interface CallRecord extends Intent, Omit<Outcome, "callId"> {}

/** Milliseconds after which a call without an outcome is recorded as `unknown`. Longer than any deadline. */
const UNKNOWN_AFTER_MS = 10 * 60_000;

/** Records per queue batch (Cloudflare Queues take at most 100 messages a batch). */
const BATCH = 100;

type Row = { intent: string; outcome: string | null; at: number };

/** Calls of one user from intent to hand-over, in the Principal object's SQLite. */
export class CallOutbox {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(
      `CREATE TABLE IF NOT EXISTS calls (
         call_id TEXT PRIMARY KEY, at INTEGER NOT NULL, intent TEXT NOT NULL, outcome TEXT)`,
    );
  }

  /** Writes down what is about to run. */
  open(intent: Intent): void {
    this.#sql.exec(
      "INSERT INTO calls VALUES (?, ?, ?, NULL)",
      intent.callId,
      intent.at,
      JSON.stringify(intent),
    );
  }

  /** Writes down how it ended. The first outcome stands. */
  close(outcome: Outcome): void {
    this.#sql.exec(
      "UPDATE calls SET outcome = ? WHERE call_id = ? AND outcome IS NULL",
      JSON.stringify(outcome),
      outcome.callId,
    );
  }

  /** The oldest records that can be sent on: finished ones, and those whose outcome is overdue. */
  ready(now: number): CallRecord[] {
    return this.#sql
      .exec<Row>(
        "SELECT intent, outcome, at FROM calls WHERE outcome IS NOT NULL OR at < ? ORDER BY at LIMIT ?",
        now - UNKNOWN_AFTER_MS,
        BATCH,
      )
      .toArray()
      .map((row) => {
        const intent = JSON.parse(row.intent) as Intent;
        const outcome = row.outcome === null ? null : (JSON.parse(row.outcome) as Outcome);
        const { status, durationMs, bytes } = outcome ?? { status: "unknown", durationMs: 0, bytes: 0 };
        return { ...intent, status, durationMs, bytes };
      });
  }

  remove(callIds: readonly string[]): void {
    this.#sql.exec(
      "DELETE FROM calls WHERE call_id IN (SELECT value FROM json_each(?))",
      JSON.stringify(callIds),
    );
  }

  isEmpty(): boolean {
    return this.#sql.exec("SELECT 1 FROM calls LIMIT 1").toArray().length === 0;
  }
}
