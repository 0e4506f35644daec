import type { JournalEntry, ProgramRights, WaitingProgram } from "../../../shared/objects/program-gate.ts";

/** Milliseconds that a program waits. */
const KEPT_MS = 60 * 60_000;

/** Programs of one app that wait; the oldest makes room. */
const MOST_OF_APP = 5;

/** Characters of one row: SQLite stores two million bytes in a value, and a character takes three at most. */
const ROW_CHARS = 500_000;

/** Programs that wait for a person, in the person's object. A journal is text in rows that each fit into SQLite. */
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
    for (const [place, part] of cutRows(JSON.stringify(journal)).entries())
      this.#sql.exec("INSERT OR REPLACE INTO waiting_program_call VALUES (?, ?, ?)", id, place, part);
    const old = this.#ids("client_id = ? ORDER BY kept_at DESC, id LIMIT -1 OFFSET ?", clientId, MOST_OF_APP);
    for (const one of old) this.#remove(one);
  }

  /** Gives a program and removes it, in one turn. One of other code or rights stays as it is: `"other"`. */
  take(
    id: string,
    { clientId, server, ...rights }: ProgramRights,
    now: number,
  ): WaitingProgram | "other" | null {
    this.forget(now);
    const [row] = this.#sql
      .exec<{ body: string }>(
        "SELECT body FROM waiting_program WHERE id = ? AND client_id = ? AND server = ?",
        ...[id, clientId, server],
      )
      .toArray();
    if (row === undefined) return null;
    const program = JSON.parse(row.body) as Omit<WaitingProgram, "journal">;
    const { codeDigest, role, policyDigest } = rights;
    if (program.codeDigest !== codeDigest || program.role !== role || program.policyDigest !== policyDigest)
      return "other";
    const journal = readJournal(this.#sql, id);
    this.#remove(id);
    return { ...program, journal };
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

/** The calls of a program that waits. */
export function readJournal(sql: SqlStorage, id: string): JournalEntry[] {
  const text = sql
    .exec<{ entry: string }>("SELECT entry FROM waiting_program_call WHERE id = ? ORDER BY place", id)
    .toArray()
    .map(({ entry }) => entry)
    .join("");
  return text === "" ? [] : (JSON.parse(text) as JournalEntry[]);
}

/** Cuts text for rows, and no character of two halves in the middle. */
function cutRows(text: string): string[] {
  const rows: string[] = [];
  for (let from = 0; from < text.length; ) {
    const end = from + ROW_CHARS;
    const to = /[\uD800-\uDBFF]/.test(text.charAt(end - 1)) ? end - 1 : end;
    rows.push(text.slice(from, to));
    from = to;
  }
  return rows;
}
