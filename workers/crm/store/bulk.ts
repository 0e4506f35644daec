import { COMPANY_FIELDS } from "./companies.ts";
import { CONTACT_FIELDS } from "./contacts.ts";
import { DEAL_FIELDS } from "./deals.ts";
import type { JournalStore } from "./journal.ts";
import type { Stamp } from "./stamp.ts";
import { byId, keepVersions, MATCHES_VERSIONS, type VersionedTable } from "./versioned.ts";

/** A row as a preview showed it. */
export type RowVersion = readonly [id: string, version: number];

/** A bulk update that somebody has seen. */
export interface BulkPlan {
  id: string;
  /** Digest of what was asked for. */
  arguments: string;
  pairs: RowVersion[];
  /** How many of them slices have gone through. */
  done: number;
}

/** What every row of a bulk update gets. `column` is one of ours, never a caller's text. */
export interface BulkValue {
  table: VersionedTable;
  column: string;
  value: string | null;
}

/** How a slice ended. `skipped` were changed or deleted since the preview. */
export interface BulkSlice {
  changed: number;
  skipped: string[];
  remaining: number;
  undoUntil: string;
}

const SLICE = 500;
const KEPT_MINUTES = 60;
const PURGED_AT_ONCE = 50;

const FIELDS: Readonly<Record<VersionedTable, readonly string[]>> = {
  companies: COMPANY_FIELDS,
  contacts: CONTACT_FIELDS,
  deals: DEAL_FIELDS,
};

/** All SQL about bulk updates. */
export class BulkStore {
  readonly #db: D1Database;
  readonly #journal: JournalStore;

  constructor(db: D1Database, journal: JournalStore) {
    this.#db = db;
    this.#journal = journal;
  }

  /** Keeps what a preview shows for an hour, for its reader alone. Also forgets a few plans that are older. */
  async savePlan(plan: Omit<BulkPlan, "done">, stamp: Stamp): Promise<void> {
    await this.#db.batch([
      this.#db
        .prepare(
          `DELETE FROM bulk_plans WHERE id IN (
             SELECT id FROM bulk_plans WHERE made_at < ? ORDER BY made_at LIMIT ${PURGED_AT_ONCE})`,
        )
        .bind(oldestPlan(stamp)),
      this.#db
        .prepare("INSERT INTO bulk_plans (id, user_id, arguments, pairs, made_at) VALUES (?, ?, ?, ?, ?)")
        .bind(plan.id, stamp.userId, plan.arguments, JSON.stringify(plan.pairs), stamp.at),
    ]);
  }

  /** A plan of this person that is not over an hour old, or `null`. */
  async readPlan(id: string, stamp: Stamp): Promise<BulkPlan | null> {
    const row = await this.#db
      .prepare(
        "SELECT id, arguments, pairs, done FROM bulk_plans WHERE id = ? AND user_id = ? AND made_at >= ?",
      )
      .bind(id, stamp.userId, oldestPlan(stamp))
      .first<Omit<BulkPlan, "pairs"> & { pairs: string }>();
    return row && { ...row, pairs: JSON.parse(row.pairs) as RowVersion[] };
  }

  /**
   * Changes the next 500 rows of a plan that still have the version that was shown, as one change that can be undone.
   * Gives `undefined` when another call has just done this slice; then nothing was changed.
   */
  async runSlice(
    plan: BulkPlan,
    { table, column, value }: BulkValue,
    changeId: string,
    stamp: Stamp,
  ): Promise<BulkSlice | undefined> {
    const slice = plan.pairs.slice(plan.done, plan.done + SLICE);
    const end = plan.done + slice.length;
    const shown = JSON.stringify(slice);
    const undoUntil = await this.#journal
      .begin(changeId)
      .requireRow("SELECT 1 FROM bulk_plans WHERE id = ? AND done = ?", plan.id, plan.done)
      .keepVersions(table, shown)
      .step(
        `${keepVersions(table, FIELDS[table])} ${byId(table)} WHERE ${MATCHES_VERSIONS}`,
        stamp.at,
        stamp.userId,
        stamp.name,
        shown,
      )
      .step(
        `UPDATE ${table} ${byId(table)} SET ${column} = ?, version = version + 1, updated_at = ?, updated_by = ?,
           updated_by_name = ? WHERE ${MATCHES_VERSIONS}`,
        value,
        stamp.at,
        stamp.userId,
        stamp.name,
        shown,
      )
      .step("UPDATE bulk_plans SET done = ? WHERE id = ?", end, plan.id)
      .run("bulk_update", `${column} of up to ${slice.length} ${table}`, stamp);
    if (undoUntil === undefined) return undefined;
    const changed = new Set(await this.#journal.listRows(changeId, table));
    return {
      changed: changed.size,
      skipped: slice.map(([id]) => id).filter((id) => !changed.has(id)),
      remaining: plan.pairs.length - end,
      undoUntil,
    };
  }
}

function oldestPlan(stamp: Stamp): string {
  return new Date(Date.parse(stamp.at) - KEPT_MINUTES * 60_000).toISOString();
}
