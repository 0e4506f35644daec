import type { Stamp } from "./stamp.ts";
import { byId, MATCHES_VERSIONS, type VersionedTable } from "./versioned.ts";

/** The tables whose rows a change may touch, parents first, with the columns of an image in their order. */
const IMAGES = {
  companies: columns(
    "name domain industry region city country employees phone owner_id last_activity_at version",
    "updated_at updated_by updated_by_name",
  ),
  contacts: columns(
    "company_id first_name last_name title email phone owner_id last_activity_at version",
    "updated_at updated_by updated_by_name",
  ),
  deals: columns(
    "name company_id contact_id owner_id region stage amount_cents expected_close_on stage_since closed_at",
    "close_reason last_activity_at version updated_at updated_by updated_by_name",
  ),
  deal_stage_history: [
    ..."deal_id from_stage to_stage reason changed_at changed_by changed_by_name seconds_in_stage".split(" "),
  ],
  activities: columns("kind subject body occurred_at company_id contact_id deal_id", ""),
  tasks: columns("title due_on done_at owner_id company_id contact_id deal_id", ""),
} as const satisfies Record<string, readonly string[]>;

/** A table whose rows can be changed in a way that can be undone. */
export type JournalTable = keyof typeof IMAGES;

/** A kind of change that can be undone. */
export type ChangeKind = "delete" | "merge" | "bulk_update" | "import";

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

/** How an undo ended; `changed` names rows that somebody has changed since. */
export type Undo =
  | { outcome: "undone"; rows: number }
  | { outcome: "missing" | "expired" | "already" | "blocked" }
  | { outcome: "changed"; ids: string[] };

const TABLES = Object.keys(IMAGES) as JournalTable[];
const UNDO_DAYS = 30;
const PURGED_AT_ONCE = 20;
const SHOWN = 5;

function columns(first: string, rest: string): readonly string[] {
  const all = `id ${first} created_at created_by created_by_name ${rest}`;
  return all.trim().split(/ +/);
}

function keyOf(table: JournalTable): string {
  return table === "deal_stage_history" ? "deal_id" : "id";
}

/** Collects the statements of one change: what must hold, which rows it touches, and what it does to them. */
export class Change {
  readonly #db: D1Database;
  readonly #id: string;
  readonly #checks: D1PreparedStatement[] = [];
  readonly #images: D1PreparedStatement[] = [];
  readonly #steps: D1PreparedStatement[] = [];

  constructor(db: D1Database, id: string) {
    this.#db = db;
    this.#id = id;
  }

  /** Demands that a row still has the version that was shown. */
  requireVersion(table: "companies" | "contacts" | "deals", id: string, version: number): this {
    this.#checks.push(
      this.#db
        .prepare(
          `INSERT INTO preconditions SELECT EXISTS (SELECT 1 FROM ${table} WHERE id = ? AND version = ?)`,
        )
        .bind(id, version),
    );
    return this;
  }

  /** Demands that a query finds something. */
  requireRow(query: string, ...values: (string | number)[]): this {
    const check = `INSERT INTO preconditions SELECT EXISTS (${query})`;
    this.#checks.push(this.#db.prepare(check).bind(...values));
    return this;
  }

  /** Keeps the image of every row that the change is about to touch. */
  keep(table: JournalTable, where: string, ...values: (string | number)[]): this {
    this.#images.push(
      this.#db
        .prepare(
          `INSERT INTO change_rows (change_id, table_name, row_id, before)
           SELECT ?, '${table}', ${keyOf(table)}, json_array(${IMAGES[table].join(", ")})
           FROM ${table} WHERE ${where} ORDER BY seq`,
        )
        .bind(this.#id, ...values),
    );
    return this;
  }

  /** The same for rows that still have the version that was read; `pairs` is a JSON array of `[id, version]`. */
  keepVersions(table: VersionedTable, pairs: string): this {
    this.#images.push(
      this.#db
        .prepare(
          `INSERT INTO change_rows (change_id, table_name, row_id, before)
           SELECT ?, '${table}', id, json_array(${IMAGES[table].join(", ")})
           FROM ${table} ${byId(table)} WHERE ${MATCHES_VERSIONS}`,
        )
        .bind(this.#id, pairs),
    );
    return this;
  }

  /** Notes rows that the change is about to make: undoing it removes them. `ids` is a JSON array. */
  make(table: JournalTable, ids: string): this {
    this.#images.push(
      this.#db
        .prepare(
          `INSERT INTO change_rows (change_id, table_name, row_id, before)
           SELECT ?, '${table}', value, 'null' FROM json_each(?)`,
        )
        .bind(this.#id, ids),
    );
    return this;
  }

  /** Statements that belong to the change, and are prepared already. */
  also(...statements: D1PreparedStatement[]): this {
    this.#steps.push(...statements);
    return this;
  }

  /** One step of the change. */
  step(sql: string, ...values: (string | number | null)[]): this {
    this.#steps.push(this.#db.prepare(sql).bind(...values));
    return this;
  }

  /**
   * Does everything or nothing. Gives the day on which undoing ends, or `undefined` when something that was required
   * no longer holds; then nothing was changed. Also forgets a few changes whose time to undo is over.
   */
  async run(kind: ChangeKind, summary: string, stamp: Stamp): Promise<string | undefined> {
    const undoUntil = new Date(Date.parse(stamp.at) + UNDO_DAYS * 86_400_000).toISOString();
    const afters = TABLES.filter((table) => table !== "deal_stage_history").map((table) =>
      this.#db
        .prepare(
          `UPDATE change_rows SET after = (SELECT json_array(${IMAGES[table].join(", ")}) FROM ${table}
             WHERE id = change_rows.row_id)
           WHERE change_id = ? AND table_name = '${table}'`,
        )
        .bind(this.#id),
    );
    try {
      await this.#db.batch([
        this.#db
          .prepare(
            `DELETE FROM changes WHERE id IN (
               SELECT id FROM changes WHERE undo_until < ? ORDER BY undo_until LIMIT ${PURGED_AT_ONCE})`,
          )
          .bind(stamp.at),
        ...this.#checks,
        this.#db.prepare("DELETE FROM preconditions WHERE holds = 1"),
        this.#db
          .prepare(
            `INSERT INTO changes (id, kind, summary, made_at, made_by, made_by_name, undo_until)
             VALUES (?, ?, ?, ?, ?, ?, ?)`,
          )
          .bind(this.#id, kind, summary, stamp.at, stamp.userId, stamp.name, undoUntil),
        ...this.#images,
        ...this.#steps,
        ...afters,
      ]);
    } catch (failure) {
      if (isUnmet(failure)) return undefined;
      throw failure;
    }
    return undoUntil.slice(0, 10);
  }
}

/** Whether a batch failed because something that it requires does not hold. */
function isUnmet(failure: unknown): boolean {
  return String(failure).includes("precondition_holds");
}

/** All SQL about changes that can be undone. */
export class JournalStore {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** Begins a change; nothing happens before its `run`. */
  begin(id: string): Change {
    return new Change(this.#db, id);
  }

  /** The kind of a change, or `null`. */
  async findKind(id: string): Promise<ChangeKind | null> {
    return await this.#db.prepare("SELECT kind FROM changes WHERE id = ?").bind(id).first<ChangeKind>("kind");
  }

  /** Whether a change has been taken back. */
  async isUndone(id: string): Promise<boolean> {
    const query = this.#db.prepare("SELECT undone_at FROM changes WHERE id = ?").bind(id);
    return (await query.first<string>("undone_at")) !== null;
  }

  /** The rows of one table that a change has touched. */
  async listRows(id: string, table: JournalTable): Promise<string[]> {
    const { results } = await this.#db
      .prepare("SELECT row_id FROM change_rows WHERE change_id = ? AND table_name = ?")
      .bind(id, table)
      .all<{ row_id: string }>();
    return results.map(({ row_id }) => row_id);
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

  /**
   * Puts rows back as they were before a change. Only columns that the change altered go back, so that what happened
   * on a row since is kept; a row whose fields somebody has changed since is a conflict, and then nothing goes back.
   */
  async undo(id: string, stamp: Stamp): Promise<Undo> {
    const change = await this.#db
      .prepare("SELECT undo_until, undone_at FROM changes WHERE id = ?")
      .bind(id)
      .first<Pick<ChangeRow, "undo_until" | "undone_at">>();
    if (!change) return { outcome: "missing" };
    if (change.undone_at !== null) return { outcome: "already" };
    if (change.undo_until < stamp.at) return { outcome: "expired" };
    const changed = await this.#findChanged(id);
    if (changed.length > 0) return { outcome: "changed", ids: changed };
    try {
      const results = await this.#db.batch([
        this.#db
          .prepare(
            `INSERT INTO preconditions
             SELECT EXISTS (SELECT 1 FROM changes WHERE id = ? AND undone_at IS NULL)`,
          )
          .bind(id),
        ...(["companies", "contacts", "deals"] as const).map((table) =>
          this.#db
            .prepare(`INSERT INTO preconditions SELECT NOT EXISTS (${selectChanged(table)} LIMIT 1)`)
            .bind(id),
        ),
        this.#db.prepare("DELETE FROM preconditions WHERE holds = 1"),
        this.#db
          .prepare("UPDATE changes SET undone_at = ?, undone_by = ?, undone_by_name = ? WHERE id = ?")
          .bind(stamp.at, stamp.userId, stamp.name, id),
        ...TABLES.flatMap((table) => this.#putBack(table, id)),
      ]);
      const written = results.reduce((sum, { results: rows }) => sum + rows.length, 0);
      return { outcome: "undone", rows: written };
    } catch (failure) {
      if (isUnmet(failure)) return { outcome: "changed", ids: await this.#findChanged(id) };
      // What a row needs is taken (an e-mail address) or gone (its company).
      if (/constraint failed/i.test(String(failure))) return { outcome: "blocked" };
      throw failure;
    }
  }

  async #findChanged(id: string): Promise<string[]> {
    const answers = await this.#db.batch<{ row_id: string }>(
      (["companies", "contacts", "deals"] as const).map((table) =>
        this.#db.prepare(`${selectChanged(table)} LIMIT ${SHOWN}`).bind(id),
      ),
    );
    return answers.flatMap(({ results }) => results.map(({ row_id }) => row_id)).slice(0, SHOWN);
  }

  /** Changed rows first: they may hold what a deleted row needs back, such as its e-mail address. */
  #putBack(table: JournalTable, id: string): D1PreparedStatement[] {
    const names: readonly string[] = IMAGES[table];
    const key = keyOf(table);
    const restored = names.map((name, index) => {
      const [was, became] = [`b.before ->> '$[${index}]'`, `b.after ->> '$[${index}]'`];
      // Counts on, so that who has read the version in between is refused.
      if (name === "version") return `${table}.version + (${was} IS NOT ${became})`;
      if (name === "last_activity_at") return name;
      return `iif(${was} IS ${became}, ${table}.${name}, ${was})`;
    });
    const versionAt = names.indexOf("version");
    const inserted = names.map((_, index) =>
      index === versionAt ? `before ->> '$[${index}]' + 1` : `before ->> '$[${index}]'`,
    );
    const insert = this.#db
      .prepare(
        `INSERT INTO ${table} (${names.join(", ")}) SELECT ${inserted.join(", ")} FROM change_rows
         WHERE change_id = ? AND table_name = '${table}' AND after IS NULL AND before <> 'null'
         ORDER BY seq RETURNING ${key}`,
      )
      .bind(id);
    if (table === "deal_stage_history") return [insert];
    // By the unique index of `id` in any case: the planner would scan a table while it is small.
    const update = this.#db
      .prepare(
        `UPDATE ${table} INDEXED BY sqlite_autoindex_${table}_1 SET (${names.join(", ")}) = (SELECT ${restored.join(", ")} FROM change_rows b
           WHERE b.change_id = ?1 AND b.table_name = '${table}' AND b.row_id = ${table}.id)
         WHERE id IN (SELECT row_id FROM change_rows
           WHERE change_id = ?1 AND table_name = '${table}' AND after IS NOT NULL AND before <> 'null')
         RETURNING ${key}`,
      )
      .bind(id);
    const remove = this.#db
      .prepare(
        `DELETE FROM ${table} INDEXED BY sqlite_autoindex_${table}_1 WHERE id IN (SELECT row_id FROM change_rows
           WHERE change_id = ? AND table_name = '${table}' AND before = 'null') RETURNING ${key}`,
      )
      .bind(id);
    return [update, insert, remove];
  }
}

/** Rows whose fields the change altered and somebody else since; a row that is gone counts. */
function selectChanged(table: "companies" | "contacts" | "deals"): string {
  const at = (IMAGES[table] as readonly string[]).indexOf("version");
  return `SELECT b.row_id FROM change_rows b LEFT JOIN ${table} t ON t.id = b.row_id
    WHERE b.change_id = ? AND b.table_name = '${table}' AND b.after IS NOT NULL
      AND (t.id IS NULL OR (b.before ->> '$[${at}]' IS NOT b.after ->> '$[${at}]'
        AND t.version IS NOT b.after ->> '$[${at}]'))`;
}
