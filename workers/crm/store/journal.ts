import { Change, type ChangeArguments, type ChangeKind } from "./change.ts";
import type { Stamp } from "./stamp.ts";
import { type Undo, UndoStore } from "./undo.ts";
import type { VersionedTable } from "./versioned.ts";

/** The tool of each kind of change: undoing a change requires the permission to call it. */
export const TOOL_OF_CHANGE: Readonly<Record<ChangeKind, string>> = {
  delete: "crm_delete_record",
  merge: "crm_merge_contacts",
  bulk_update: "crm_bulk_update",
  import: "crm_import_csv",
};

/**
 * The arguments of a change of an earlier release, as far as its summary contains them. A rule that needs a
 * missing argument cannot be evaluated, and then forbids or requires approval.
 */
function readSummary(kind: ChangeKind, summary: string): ChangeArguments {
  const [first = "", second = ""] = summary.match(/[a-z]+_\w+/g) ?? [];
  if (kind === "delete") return { id: first };
  return kind === "merge" ? { duplicate_id: first, keep_id: second } : {};
}

/** A change in a list. */
export interface ChangeRow {
  id: string;
  kind: ChangeKind;
  summary: string;
  made_at: string;
  made_by_name: string;
  undo_until: string;
  undone_at: string | null;
}

/** A record that a change touched, with its values before and after as JSON; `null` where it was not on file. */
export interface ChangedRow {
  table: VersionedTable;
  id: string;
  before: string | null;
  after: string | null;
}

/** All SQL about changes that can be undone. */
export class JournalStore {
  readonly #db: D1Database;
  readonly #undo: UndoStore;

  constructor(db: D1Database) {
    this.#db = db;
    this.#undo = new UndoStore(db);
  }

  /** Begins a change, or a slice of one; nothing is written before `run`. */
  begin(id: string, args: ChangeArguments, slice = 0): Change {
    return new Change(this.#db, id, slice, args);
  }

  /** The kind of a change, its number of slices, and its arguments; or `null`. */
  async describe(id: string): Promise<{ kind: ChangeKind; slices: number; args: ChangeArguments } | null> {
    const row = await this.#db
      .prepare("SELECT kind, slices, summary, arguments FROM changes WHERE id = ?")
      .bind(id)
      .first<{ kind: ChangeKind; slices: number; summary: string; arguments: string | null }>();
    if (!row) return null;
    const { kind, slices, summary, arguments: kept } = row;
    return { kind, slices, args: kept === null ? readSummary(kind, summary) : JSON.parse(kept) };
  }

  /** Whether a change has been undone. */
  async isUndone(id: string): Promise<boolean> {
    const query = this.#db.prepare("SELECT undone_at FROM changes WHERE id = ?").bind(id);
    return (await query.first<string>("undone_at")) !== null;
  }

  /** The last changes, newest first. */
  async list(limit: number): Promise<ChangeRow[]> {
    const { results } = await this.#db
      .prepare(
        `SELECT id, kind, summary, made_at, made_by_name, undo_until, undone_at FROM changes
         WHERE made_at > '' ORDER BY made_at DESC LIMIT ?`,
      )
      .bind(limit)
      .all<ChangeRow>();
    return results;
  }

  /** The first records that a change touched, and how many rows it touched. */
  async listRows(id: string, limit: number): Promise<{ rows: ChangedRow[]; total: number }> {
    const [found, counted] = await this.#db.batch<ChangedRow & { total: number }>([
      this.#db
        .prepare(
          `SELECT table_name AS "table", row_id AS id, nullif(before, 'null') AS before, after FROM change_rows
           WHERE change_id = ? AND table_name IN ('companies', 'contacts', 'deals') LIMIT ?`,
        )
        .bind(id, limit),
      this.#db.prepare("SELECT count(*) AS total FROM change_rows WHERE change_id = ?").bind(id),
    ]);
    return { rows: found?.results ?? [], total: counted?.results[0]?.total ?? 0 };
  }

  /** See {@link UndoStore.findObstacle}. */
  findObstacle(id: string, leave: boolean, stamp: Stamp): ReturnType<UndoStore["findObstacle"]> {
    return this.#undo.findObstacle(id, leave, stamp);
  }

  /** See {@link UndoStore.undoNext}. */
  undoNext(id: string, leave: boolean, stamp: Stamp): Promise<Undo> {
    return this.#undo.undoNext(id, leave, stamp);
  }

  /** See {@link UndoStore.readUndone}. */
  readUndone(id: string): ReturnType<UndoStore["readUndone"]> {
    return this.#undo.readUndone(id);
  }
}
