import type { JournalEntry, WaitingProgram } from "../../../shared/objects/program-gate.ts";

/** Milliseconds that a program waits. */
const KEPT_MS = 60 * 60_000;

/** Programs of one app that wait; the oldest makes room. */
const MOST_OF_APP = 5;

/** Programs that wait for a person, in the person's object. A call of the journal is a row of its own. */
export class WaitingPrograms {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(
      `CREATE TABLE IF NOT EXISTS waiting_program (
         id TEXT PRIMARY KEY, client_id TEXT NOT NULL, server TEXT NOT NULL, kept_at INTEGER NOT NULL,
         body TEXT NOT NULL) WITHOUT ROWID;
       CREATE TABLE IF NOT EXISTS waiting_program_call (
         id TEXT NOT NULL, place INTEGER NOT NULL, entry TEXT NOT NULL, PRIMARY KEY (id, place)) WITHOUT ROWID;`,
    );
  }

  keep({ journal, ...program }: WaitingProgram, now: number): void {
    this.forget(now);
    const { id, clientId, server } = program;
    this.#sql.exec(
      "INSERT OR REPLACE INTO waiting_program VALUES (?, ?, ?, ?, ?)",
      ...[id, clientId, server, now, JSON.stringify(program)],
    );
    for (const [place, entry] of journal.entries())
      this.#sql.exec(
        "INSERT OR REPLACE INTO waiting_program_call VALUES (?, ?, ?)",
        ...[id, place, JSON.stringify(entry)],
      );
    const old = this.#ids("client_id = ? ORDER BY kept_at DESC, id LIMIT -1 OFFSET ?", clientId, MOST_OF_APP);
    for (const one of old) this.#remove(one);
  }

  /** Gives a program and removes it, in one turn. */
  take(id: string, clientId: string, server: string, now: number): WaitingProgram | null {
    this.forget(now);
    const [row] = this.#sql
      .exec<{ body: string }>(
        "SELECT body FROM waiting_program WHERE id = ? AND client_id = ? AND server = ?",
        ...[id, clientId, server],
      )
      .toArray();
    if (row === undefined) return null;
    const journal = this.#sql
      .exec<{ entry: string }>("SELECT entry FROM waiting_program_call WHERE id = ? ORDER BY place", id)
      .toArray()
      .map(({ entry }) => JSON.parse(entry) as JournalEntry);
    this.#remove(id);
    return { ...(JSON.parse(row.body) as Omit<WaitingProgram, "journal">), journal };
  }

  /** Removes those that have waited too long. */
  forget(now: number): void {
    for (const id of this.#ids("kept_at <= ?", now - KEPT_MS)) this.#remove(id);
  }

  /** Milliseconds since the epoch at which the next one has waited too long, or `null`. */
  nextMoment(): number | null {
    const [row] = this.#sql
      .exec<{ at: number | null }>("SELECT min(kept_at) AS at FROM waiting_program")
      .toArray();
    return row?.at == null ? null : row.at + KEPT_MS;
  }

  #ids(where: string, ...bindings: (string | number)[]): string[] {
    return this.#sql
      .exec<{ id: string }>(`SELECT id FROM waiting_program WHERE ${where}`, ...bindings)
      .toArray()
      .map(({ id }) => id);
  }

  #remove(id: string): void {
    this.#sql.exec("DELETE FROM waiting_program_call WHERE id = ?", id);
    this.#sql.exec("DELETE FROM waiting_program WHERE id = ?", id);
  }
}
