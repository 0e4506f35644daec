import type { JsonValue } from "../../../shared/encoding/json.ts";
import type { Stamp } from "../store/stamp.ts";

/** A whole export kept for its user, with its progress. */
export interface KeptExport {
  id: string;
  /** Description of its selection; its cursor is bound to the same text. */
  question: string;
  /** Masking rules of the user's role when it was made. */
  masks: string;
  /** Position of the next part; `null` at the beginning. */
  position: JsonValue;
  complete: boolean;
  parts: number;
  rows: number;
  /** ISO time. */
  madeAt: string;
}

type Row = Omit<KeptExport, "position" | "complete" | "rows" | "madeAt"> & {
  position: string | null;
  complete: number;
  row_count: number;
  made_at: string;
};

/** Hours until an export expires. */
export const EXPORT_KEPT_HOURS = 24;

const SWEPT_AT_ONCE = 100;

/** All SQL about kept exports. Users only reach their own. */
export class KeptExportStore {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** Starts an export. */
  async create(id: string, question: string, masks: string, stamp: Stamp): Promise<void> {
    await this.#db
      .prepare("INSERT INTO kept_exports (id, user_id, question, sees, made_at) VALUES (?, ?, ?, ?, ?)")
      .bind(id, stamp.userId, question, masks, stamp.at)
      .run();
  }

  /** Deletes a limited number of expired exports; returns their number. */
  async sweep(now: Date): Promise<number> {
    const { results } = await this.#db
      .prepare(
        `DELETE FROM kept_exports WHERE id IN (
           SELECT id FROM kept_exports WHERE made_at < ? ORDER BY made_at LIMIT ${SWEPT_AT_ONCE}) RETURNING id`,
      )
      .bind(oldest(now.toISOString()))
      .all();
    return results.length;
  }

  /** An export of this user that has not expired. */
  async read(id: string, stamp: Stamp): Promise<KeptExport | null> {
    const row = await this.#db
      .prepare(
        `SELECT id, question, sees AS masks, position, complete, parts, row_count, made_at FROM kept_exports
         WHERE id = ? AND user_id = ? AND made_at >= ?`,
      )
      .bind(id, stamp.userId, oldest(stamp.at))
      .first<Row>();
    if (!row) return null;
    return {
      ...{ id: row.id, question: row.question, masks: row.masks, parts: row.parts, rows: row.row_count },
      position: row.position === null ? null : (JSON.parse(row.position) as JsonValue),
      complete: row.complete === 1,
      madeAt: row.made_at,
    };
  }

  /** Appends the next part; does nothing if it was appended before. `position` is `null` after the last. */
  async add({ id, parts }: KeptExport, text: string, rows: number, position: JsonValue): Promise<void> {
    const next = position === null ? null : JSON.stringify(position);
    await this.#db.batch([
      this.#db
        .prepare(
          `INSERT INTO kept_export_parts (export_id, part, size, text)
           SELECT id, parts, ?, ? FROM kept_exports WHERE id = ? AND parts = ? AND complete = 0`,
        )
        .bind(text.length, text, id, parts),
      this.#db
        .prepare(
          `UPDATE kept_exports SET parts = parts + 1, row_count = row_count + ?, position = ?, complete = ?
           WHERE id = ? AND parts = ? AND complete = 0`,
        )
        .bind(rows, next, position === null ? 1 : 0, id, parts),
    ]);
  }

  /** Texts from a part on, up to `characters` but at least one part. */
  async readParts(id: string, from: number, characters: number): Promise<string[]> {
    const { results } = await this.#db
      .prepare(
        `SELECT p.text FROM (
           SELECT part, sum(size) OVER (ORDER BY part) AS total FROM kept_export_parts
           WHERE export_id = ?1 AND part >= ?2) s
         CROSS JOIN kept_export_parts p ON p.export_id = ?1 AND p.part = s.part
         WHERE s.total <= ?3 OR s.part = ?2 ORDER BY s.part`,
      )
      .bind(id, from, characters)
      .all<{ text: string }>();
    return results.map(({ text }) => text);
  }

  /** Deletes an export at its user's request. */
  async remove(id: string, stamp: Stamp): Promise<void> {
    await this.#db
      .prepare("DELETE FROM kept_exports WHERE id = ? AND user_id = ?")
      .bind(id, stamp.userId)
      .run();
  }
}

function oldest(at: string): string {
  return new Date(Date.parse(at) - EXPORT_KEPT_HOURS * 3_600_000).toISOString();
}
