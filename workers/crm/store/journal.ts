import { Change, type ChangeKind } from "./change.ts";
import type { Stamp } from "./stamp.ts";
import { type Undo, UndoStore } from "./undo.ts";

/** The tool that makes each kind of change: whoever takes one back must be allowed to call it. */
export const TOOL_OF_CHANGE: Readonly<Record<ChangeKind, string>> = {
  delete: "crm_delete_record",
  merge: "crm_merge_contacts",
  bulk_update: "crm_bulk_update",
  import: "crm_import_csv",
};

/** A change as it is listed. */
export interface ChangeRow {
  id: string;
  kind: ChangeKind;
  summary: string;
  made_at: string;
  made_by_name: string;
  undo_until: string;
  undone_at: string | null;
}

/** All SQL about changes that can be undone. */
export class JournalStore {
  readonly #db: D1Database;
  readonly #undo: UndoStore;

  constructor(db: D1Database) {
    this.#db = db;
    this.#undo = new UndoStore(db);
  }

  /** Begins a change, or a slice of one; nothing happens before its `run`. */
  begin(id: string, slice = 0): Change {
    return new Change(this.#db, id, slice);
  }

  /** The kind of a change and its number of slices, or `null`. */
  async describe(id: string): Promise<{ kind: ChangeKind; slices: number } | null> {
    return await this.#db
      .prepare("SELECT kind, slices FROM changes WHERE id = ?")
      .bind(id)
      .first<{ kind: ChangeKind; slices: number }>();
  }

  /** Whether a change has been taken back. */
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

  /** See {@link UndoStore.undoNext}. */
  undoNext(id: string, leave: boolean, stamp: Stamp): Promise<Undo> {
    return this.#undo.undoNext(id, leave, stamp);
  }

  /** See {@link UndoStore.readUndone}. */
  readUndone(id: string): ReturnType<UndoStore["readUndone"]> {
    return this.#undo.readUndone(id);
  }
}
