import type { JsonValue } from "../encoding/json.ts";
import { maskStored } from "../redact/mask-stored.ts";
import { CONTEXT_LIMITS } from "./context.ts";
import type { ResultPage } from "./session-memory.ts";

/** Rows per stored chunk: far below SQLite's 2 MB per value, and few writes per result. */
const CHUNK_ROWS = 50;

/**
 * Large results of sessions, in the SQLite of a Durable Object. `owner` separates the clients of one
 * principal; a session's own object uses one constant owner.
 */
export class ResultStore {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(
      `CREATE TABLE IF NOT EXISTS kept_results (
         owner TEXT NOT NULL, handle TEXT NOT NULL, total INTEGER NOT NULL, created_at INTEGER NOT NULL,
         PRIMARY KEY (owner, handle))`,
    );
    sql.exec(
      `CREATE TABLE IF NOT EXISTS kept_chunks (
         owner TEXT NOT NULL, handle TEXT NOT NULL, chunk INTEGER NOT NULL, rows TEXT NOT NULL,
         PRIMARY KEY (owner, handle, chunk))`,
    );
  }

  /**
   * Stores `rows` under `handle`, masked for storage, and drops the owner's oldest results above the limit.
   */
  keep(owner: string, handle: string, rows: readonly JsonValue[], at: number): void {
    this.#sql.exec("INSERT INTO kept_results VALUES (?, ?, ?, ?)", owner, handle, rows.length, at);
    for (let start = 0; start < rows.length; start += CHUNK_ROWS) {
      const chunk = JSON.stringify(maskStored(rows.slice(start, start + CHUNK_ROWS)));
      this.#sql.exec("INSERT INTO kept_chunks VALUES (?, ?, ?, ?)", owner, handle, start / CHUNK_ROWS, chunk);
    }
    const old = this.#sql
      .exec<{ handle: string }>(
        "SELECT handle FROM kept_results WHERE owner = ? ORDER BY created_at DESC, rowid DESC LIMIT -1 OFFSET ?",
        owner,
        CONTEXT_LIMITS.handles,
      )
      .toArray();
    for (const { handle: dropped } of old) this.#drop(owner, dropped);
  }

  /** One page, or `null` if this owner has no such handle. */
  page(owner: string, handle: string, offset: number, limit: number): ResultPage | null {
    const [kept] = this.#sql
      .exec<{ total: number }>("SELECT total FROM kept_results WHERE owner = ? AND handle = ?", owner, handle)
      .toArray();
    if (!kept) return null;
    const first = Math.floor(offset / CHUNK_ROWS);
    const last = Math.floor((offset + limit - 1) / CHUNK_ROWS);
    const rows = this.#sql
      .exec<{ rows: string }>(
        "SELECT rows FROM kept_chunks WHERE owner = ? AND handle = ? AND chunk BETWEEN ? AND ? ORDER BY chunk",
        owner,
        handle,
        first,
        last,
      )
      .toArray()
      .flatMap((chunk) => JSON.parse(chunk.rows) as JsonValue[]);
    const skip = offset - first * CHUNK_ROWS;
    return { rows: rows.slice(skip, skip + limit), total: kept.total };
  }

  /** Drops all results of an owner. */
  clear(owner: string): void {
    this.#sql.exec("DELETE FROM kept_chunks WHERE owner = ?", owner);
    this.#sql.exec("DELETE FROM kept_results WHERE owner = ?", owner);
  }

  #drop(owner: string, handle: string): void {
    this.#sql.exec("DELETE FROM kept_chunks WHERE owner = ? AND handle = ?", owner, handle);
    this.#sql.exec("DELETE FROM kept_results WHERE owner = ? AND handle = ?", owner, handle);
  }
}
