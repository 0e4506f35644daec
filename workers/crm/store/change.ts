import type { DeletableColumn } from "./deletions.ts";
import { printDependents } from "./dependents.ts";
import { IMAGES, type JournalTable, keyOf, UNDO_DAYS } from "./images.ts";
import type { Stamp } from "./stamp.ts";
import { byId, MATCHES_VERSIONS, type VersionedTable } from "./versioned.ts";

/** Arguments of a change: JSON, without the rows of a file. */
export type ChangeArguments = Readonly<Record<string, unknown>>;

/** A kind of change that can be undone. */
export type ChangeKind = "delete" | "merge" | "bulk_update" | "import";

const TABLES = Object.keys(IMAGES) as JournalTable[];
const PURGED_AT_ONCE = 20;
const PURGED_ROWS = 2_000;

/**
 * Collects the statements of one change, or of one slice of it: its conditions, the rows it touches, and its
 * writes.
 */
export class Change {
  readonly #db: D1Database;
  readonly #id: string;
  readonly #slice: number;
  readonly #arguments: string;
  readonly #checks: D1PreparedStatement[] = [];
  readonly #images: D1PreparedStatement[] = [];
  readonly #steps: D1PreparedStatement[] = [];
  readonly #ends: D1PreparedStatement[] = [];

  constructor(db: D1Database, id: string, slice: number, args: ChangeArguments) {
    this.#db = db;
    this.#id = id;
    this.#slice = slice;
    this.#arguments = JSON.stringify(args);
  }

  /** Requires that records and their dependents are unchanged since `print` was read. */
  requireDependents(column: DeletableColumn, ids: readonly string[], print: string): this {
    return this.requireRow(`SELECT 1 WHERE ${printDependents(column)} = ?2`, JSON.stringify(ids), print);
  }

  /** Requires that a query returns a row. */
  requireRow(query: string, ...values: (string | number)[]): this {
    const check = `INSERT INTO preconditions SELECT EXISTS (${query})`;
    this.#checks.push(this.#db.prepare(check).bind(...values));
    return this;
  }

  /** Keeps the image of every row that the change is about to modify. */
  keep(table: JournalTable, where: string, ...values: (string | number)[]): this {
    this.#images.push(
      this.#db
        .prepare(
          `INSERT INTO change_rows (change_id, slice, table_name, row_id, before)
           SELECT ?, ${this.#slice}, '${table}', ${keyOf(table)}, json_array(${IMAGES[table].join(", ")})
           FROM ${table} WHERE ${where} ORDER BY seq`,
        )
        .bind(this.#id, ...values),
    );
    return this;
  }

  /**
   * The same for rows that still have the version that was read; `pairs` is a JSON array of `[id, version]`.
   */
  keepVersions(table: VersionedTable, pairs: string): this {
    this.#images.push(
      this.#db
        .prepare(
          `INSERT INTO change_rows (change_id, slice, table_name, row_id, before)
           SELECT ?, ${this.#slice}, '${table}', id, json_array(${IMAGES[table].join(", ")})
           FROM ${table} ${byId(table)} WHERE ${MATCHES_VERSIONS}`,
        )
        .bind(this.#id, pairs),
    );
    return this;
  }

  /** Records rows that the change is about to create: undoing it removes them. `ids` is a JSON array. */
  make(table: JournalTable, ids: string): this {
    this.#images.push(
      this.#db
        .prepare(
          `INSERT INTO change_rows (change_id, slice, table_name, row_id, before)
           SELECT ?, ${this.#slice}, '${table}', value, 'null' FROM json_each(?)`,
        )
        .bind(this.#id, ids),
    );
    return this;
  }

  /** Adds prepared statements to the change. */
  also(...statements: D1PreparedStatement[]): this {
    this.#steps.push(...statements);
    return this;
  }

  /** Adds statements that count or record the result; they run last. */
  finally(...statements: D1PreparedStatement[]): this {
    this.#ends.push(...statements);
    return this;
  }

  /** Adds one statement. */
  step(sql: string, ...values: (string | number | null)[]): this {
    this.#steps.push(this.#db.prepare(sql).bind(...values));
    return this;
  }

  /**
   * Runs all statements or none. Returns the day on which the undo period ends, or `undefined` when a
   * condition no longer holds, or the earlier slices were undone; then nothing was changed. Also deletes a
   * few changes whose undo period is over.
   */
  async run(kind: ChangeKind, summary: string, stamp: Stamp): Promise<string | undefined> {
    const undoUntil = new Date(Date.parse(stamp.at) + UNDO_DAYS * 86_400_000).toISOString();
    const afters = TABLES.filter((table) => table !== "deal_stage_history").map((table) =>
      this.#db
        .prepare(
          `UPDATE change_rows SET after = (SELECT json_array(${IMAGES[table].join(", ")}) FROM ${table}
             WHERE id = change_rows.row_id)
           WHERE change_id = ? AND slice = ${this.#slice} AND table_name = '${table}'`,
        )
        .bind(this.#id),
    );
    try {
      await this.#db.batch([
        ...this.#purge(stamp),
        ...this.#checks,
        this.#db
          .prepare(
            `INSERT INTO preconditions SELECT NOT EXISTS (
               SELECT 1 FROM changes WHERE id = ? AND (undone_at IS NOT NULL OR undone_slices > 0))`,
          )
          .bind(this.#id),
        this.#db.prepare("DELETE FROM preconditions WHERE holds = 1"),
        this.#db
          .prepare(
            `INSERT INTO changes (id, kind, summary, made_at, made_by, made_by_name, undo_until, arguments, slices)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ${this.#slice + 1})
             ON CONFLICT (id) DO UPDATE SET slices = excluded.slices, undo_until = excluded.undo_until`,
          )
          .bind(this.#id, kind, summary, stamp.at, stamp.userId, stamp.name, undoUntil, this.#arguments),
        ...this.#images,
        ...this.#steps,
        ...afters,
        ...this.#ends,
      ]);
    } catch (failure) {
      if (isUnmet(failure)) return undefined;
      throw failure;
    }
    return undoUntil.slice(0, 10);
  }

  /** Deletes rows first, a limited number: a change may hold as many as a file. */
  #purge(stamp: Stamp): D1PreparedStatement[] {
    const old = `SELECT id FROM changes WHERE undo_until < ? ORDER BY undo_until LIMIT ${PURGED_AT_ONCE}`;
    return [
      this.#db
        .prepare(
          `DELETE FROM change_rows WHERE seq IN (
             SELECT seq FROM change_rows WHERE change_id IN (${old}) LIMIT ${PURGED_ROWS})`,
        )
        .bind(stamp.at),
      this.#db
        .prepare(
          `DELETE FROM changes WHERE id IN (${old})
             AND NOT EXISTS (SELECT 1 FROM change_rows WHERE change_id = changes.id)`,
        )
        .bind(stamp.at),
    ];
  }
}

/** Whether a batch failed because one of its conditions does not hold. */
export function isUnmet(failure: unknown): boolean {
  return String(failure).includes("precondition_holds");
}
