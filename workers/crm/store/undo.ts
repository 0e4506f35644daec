import { isUnmet } from "./change.ts";
import { IMAGES, type JournalTable, keyOf } from "./images.ts";
import type { Stamp } from "./stamp.ts";
import type { VersionedTable } from "./versioned.ts";

/** Result of undoing one slice of a change. `rows` and `left` count over all slices so far. */
export type Undo =
  /** `more`: remaining slices. */
  | { outcome: "undone"; rows: number; left: number; more: number; slices: number }
  | { outcome: "missing" | "expired" | "already" | "blocked"; rows: number }
  /** Other users have changed these rows since. */
  | { outcome: "changed"; ids: string[]; rows: number };

type State = {
  undo_until: string;
  undone_at: string | null;
  undone_by: string | null;
  slices: number;
  undone_slices: number;
  undone_rows: number;
  left_rows: number;
};

const TABLES = Object.keys(IMAGES) as JournalTable[];
const VERSIONED = ["companies", "contacts", "deals"] as const satisfies readonly VersionedTable[];
const SHOWN = 5;
/** Number of attempts when rows change while a slice is undone. */
const TRIES = 3;

/** Dependents of a row per table: a created record with dependents is not removed. */
const HANGING: Readonly<Record<(typeof VERSIONED)[number], readonly string[]>> = {
  companies: ["contacts.company_id", "deals.company_id", "activities.company_id", "tasks.company_id"],
  contacts: ["deals.contact_id", "activities.contact_id", "tasks.contact_id"],
  deals: ["activities.deal_id", "tasks.deal_id"],
};

/** Undoes changes, one slice at a time. */
export class UndoStore {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /**
   * Restores the next slice of rows to their state before a change. Only columns that the change altered are
   * restored, so that later changes to other columns are kept. A row whose altered fields have changed since,
   * or a created record with dependents, is a conflict, and nothing of the slice is restored; with `leave`
   * such rows stay as they are, and the others are restored. Before the first slice all slices are checked.
   * The change's plan is stopped.
   */
  async undoNext(id: string, leave: boolean, stamp: Stamp): Promise<Undo> {
    for (let attempt = 1; ; attempt += 1) {
      const obstacle = await this.findObstacle(id, leave, stamp);
      if (obstacle !== null) return obstacle;
      const state = await this.#readState(id);
      if (!state) return { outcome: "missing", rows: 0 };
      const rows = state.undone_rows;
      try {
        await this.#db.batch(this.#undoSlice(id, state, leave, stamp));
        const after = await this.#readState(id);
        const slices = after?.slices ?? state.slices;
        const more = slices - (after?.undone_slices ?? slices);
        return {
          outcome: "undone",
          ...{ rows: after?.undone_rows ?? rows, left: after?.left_rows ?? 0, more, slices },
        };
      } catch (failure) {
        // A value that the row needs is taken (an e-mail address) or its parent is deleted (its company).
        if (/FOREIGN KEY|UNIQUE/.test(String(failure))) return { outcome: "blocked", rows };
        if (!isUnmet(failure) || attempt === TRIES) throw failure;
      }
    }
  }

  /** Why a change cannot be taken back now, as far as that can be told beforehand; `null` when nothing is known. */
  async findObstacle(
    id: string,
    leave: boolean,
    stamp: Stamp,
  ): Promise<Exclude<Undo, { outcome: "undone" }> | null> {
    const state = await this.#readState(id);
    if (!state) return { outcome: "missing", rows: 0 };
    const rows = state.undone_rows;
    if (state.undone_at !== null) return { outcome: "already", rows };
    if (state.undo_until < stamp.at) return { outcome: "expired", rows };
    const changed = leave ? [] : await this.#findChanged(id, state);
    return changed.length > 0 ? { outcome: "changed", ids: changed, rows } : null;
  }

  /** How far an undo is: rows that went back, rows that were left as they are, slices to go, and who ended it when. */
  async readUndone(
    id: string,
  ): Promise<{ rows: number; left: number; more: number; at: string | null; by: string | null }> {
    const state = await this.#readState(id);
    return {
      ...{ rows: state?.undone_rows ?? 0, left: state?.left_rows ?? 0 },
      more: (state?.slices ?? 0) - (state?.undone_slices ?? 0),
      ...{ at: state?.undone_at ?? null, by: state?.undone_by ?? null },
    };
  }

  async #readState(id: string): Promise<State | null> {
    return await this.#db
      .prepare(
        `SELECT undo_until, undone_at, undone_by, slices, undone_slices, undone_rows, left_rows FROM changes WHERE id = ?`,
      )
      .bind(id)
      .first<State>();
  }

  /** Checks all slices before the first is undone, and then each. */
  async #findChanged(id: string, { undone_slices: from, slices }: State): Promise<string[]> {
    const to = from === 0 ? slices : from + 1;
    const answers = await this.#db.batch<{ row_id: string }>(
      VERSIONED.map((table) =>
        this.#db.prepare(`${selectChanged(table)} LIMIT ${SHOWN}`).bind(id, from, to - 1),
      ),
    );
    return answers.flatMap(({ results }) => results.map(({ row_id }) => row_id)).slice(0, SHOWN);
  }

  #undoSlice(id: string, state: State, leave: boolean, stamp: Stamp): D1PreparedStatement[] {
    const { undone_slices: slice, slices } = state;
    const run = (sql: string, ...values: (string | number)[]) => this.#db.prepare(sql).bind(...values);
    const count = "(SELECT count(*) FROM change_rows WHERE change_id = ?1 AND slice = ?2)";
    const last = slice + 1 === slices;
    return [
      run(
        `INSERT INTO preconditions SELECT EXISTS (
           SELECT 1 FROM changes WHERE id = ? AND undone_at IS NULL AND undone_slices = ? AND slices = ?)`,
        ...[id, slice, slices],
      ),
      ...(leave
        ? []
        : VERSIONED.map((table) =>
            run(
              `INSERT INTO preconditions SELECT NOT EXISTS (${selectChanged(table)} LIMIT 1)`,
              ...[id, slice, slice],
            ),
          )),
      run(
        "UPDATE plans SET stopped_at = ? WHERE change_id = ? AND stopped_at IS NULL AND done < parts",
        ...[stamp.at, id],
      ),
      run(`UPDATE changes SET left_rows = left_rows + ${count} WHERE id = ?1`, id, slice),
      ...(leave ? VERSIONED.flatMap((table) => this.#leaveOut(table, id, slice)) : []),
      run(
        `UPDATE changes SET left_rows = left_rows - ${count}, undone_rows = undone_rows + ${count},
           undone_slices = undone_slices + 1 WHERE id = ?1`,
        ...[id, slice],
      ),
      ...(last
        ? [
            run(
              "UPDATE changes SET undone_at = ?, undone_by = ?, undone_by_name = ? WHERE id = ?",
              ...[stamp.at, stamp.userId, stamp.name, id],
            ),
          ]
        : []),
      ...TABLES.flatMap((table) => this.#putBack(table, id, slice)),
      run("DELETE FROM preconditions WHERE holds = 1"),
    ];
  }

  /** Deletes the images of skipped rows. */
  #leaveOut(table: (typeof VERSIONED)[number], id: string, slice: number): D1PreparedStatement[] {
    const rows = `DELETE FROM change_rows WHERE change_id = ?1 AND slice = ?2 AND table_name = '${table}'`;
    const hangs = HANGING[table].map((reference) => {
      const [from, column] = reference.split(".");
      return `EXISTS (SELECT 1 FROM ${from} WHERE ${column} = row_id)`;
    });
    const parents = [
      ["company_id", "companies"],
      ["contact_id", "contacts"],
    ] as const;
    const gone = parents.flatMap(([column, parent]) => {
      const at = (IMAGES[table] as readonly string[]).indexOf(column);
      const held = `before ->> '$[${at}]'`;
      return at === -1
        ? []
        : [`(${held} IS NOT NULL AND NOT EXISTS (SELECT 1 FROM ${parent} WHERE id = ${held}))`];
    });
    const statements = [
      `${rows} AND row_id IN (${selectChanged(table, "?1", "?2", "?2")})`,
      `${rows} AND before = 'null' AND (${hangs.join(" OR ")})`,
      ...(gone.length > 0 ? [`${rows} AND before <> 'null' AND (${gone.join(" OR ")})`] : []),
    ];
    return statements.map((sql) => this.#db.prepare(sql).bind(id, slice));
  }

  /**
   * Restores changed rows first: they may hold a unique value of a deleted row, such as its e-mail address.
   */
  #putBack(table: JournalTable, id: string, slice: number): D1PreparedStatement[] {
    const names: readonly string[] = IMAGES[table];
    const rows = `change_id = ?1 AND slice = ?2 AND table_name = '${table}'`;
    const restored = names.map((name, index) => {
      const [was, became] = [`b.before ->> '$[${index}]'`, `b.after ->> '$[${index}]'`];
      // Increments the version, so that a writer who has read the version in between gets a conflict.
      if (name === "version") return `${table}.version + (${was} IS NOT ${became})`;
      if (name === "last_activity_at") return name;
      return `iif(${was} IS ${became}, ${table}.${name}, ${was})`;
    });
    const versionAt = names.indexOf("version");
    const inserted = names.map((_, index) =>
      index === versionAt ? `before ->> '$[${index}]' + 1` : `before ->> '$[${index}]'`,
    );
    const insert = `INSERT INTO ${table} (${names.join(", ")}) SELECT ${inserted.join(", ")} FROM change_rows
       WHERE ${rows} AND after IS NULL AND before <> 'null' ORDER BY seq`;
    const made = `(SELECT row_id FROM change_rows WHERE ${rows} AND before = 'null')`;
    // By the unique index of `id` explicitly: the planner would scan a table while it is small.
    const update = `UPDATE ${table} INDEXED BY sqlite_autoindex_${table}_1 SET (${names.join(", ")}) =
         (SELECT ${restored.join(", ")} FROM change_rows b
          WHERE b.change_id = ?1 AND b.slice = ?2 AND b.table_name = '${table}' AND b.row_id = ${table}.id)
       WHERE id IN (SELECT row_id FROM change_rows WHERE ${rows} AND after IS NOT NULL AND before <> 'null')`;
    const remove = `DELETE FROM ${table} INDEXED BY sqlite_autoindex_${table}_1 WHERE id IN ${made}`;
    const statements =
      keyOf(table) === "deal_id"
        ? [insert]
        : table === "deals"
          ? [update, insert, `DELETE FROM deal_stage_history WHERE deal_id IN ${made}`, remove]
          : [update, insert, remove];
    return statements.map((sql) => this.#db.prepare(sql).bind(id, slice));
  }
}

/** Rows whose altered fields another user has changed since; a deleted row counts. */
function selectChanged(table: (typeof VERSIONED)[number], id = "?", from = "?", to = "?"): string {
  const at = (IMAGES[table] as readonly string[]).indexOf("version");
  return `SELECT b.row_id FROM change_rows b LEFT JOIN ${table} t ON t.id = b.row_id
    WHERE b.change_id = ${id} AND b.slice BETWEEN ${from} AND ${to} AND b.table_name = '${table}'
      AND b.after IS NOT NULL
      AND (t.id IS NULL OR (b.before ->> '$[${at}]' IS NOT b.after ->> '$[${at}]'
        AND t.version IS NOT b.after ->> '$[${at}]'))`;
}
