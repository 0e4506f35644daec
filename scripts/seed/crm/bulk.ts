/** The tables of a load, parents before their children, with their columns. */
const TABLES = {
  owners: ["id", "name", "email"],
  companies: [
    "id",
    "name",
    "domain",
    "industry",
    "region",
    "city",
    "country",
    "employees",
    "phone",
    "owner_id",
    "last_activity_at",
    "created_at",
    "created_by",
    "created_by_name",
    "updated_at",
    "updated_by",
    "updated_by_name",
  ],
  contacts: [
    "id",
    "company_id",
    "first_name",
    "last_name",
    "title",
    "email",
    "phone",
    "owner_id",
    "last_activity_at",
    "created_at",
    "created_by",
    "created_by_name",
    "updated_at",
    "updated_by",
    "updated_by_name",
  ],
  deals: [
    "id",
    "name",
    "company_id",
    "contact_id",
    "owner_id",
    "region",
    "stage",
    "amount_cents",
    "expected_close_on",
    "stage_since",
    "closed_at",
    "close_reason",
    "last_activity_at",
    "created_at",
    "created_by",
    "created_by_name",
    "updated_at",
    "updated_by",
    "updated_by_name",
  ],
  deal_stage_history: [
    "deal_id",
    "from_stage",
    "to_stage",
    "reason",
    "changed_at",
    "changed_by",
    "changed_by_name",
  ],
  activities: [
    "id",
    "kind",
    "subject",
    "body",
    "occurred_at",
    "company_id",
    "contact_id",
    "deal_id",
    "created_at",
    "created_by",
    "created_by_name",
  ],
  tasks: [
    "id",
    "title",
    "due_on",
    "done_at",
    "owner_id",
    "company_id",
    "contact_id",
    "deal_id",
    "created_at",
    "created_by",
    "created_by_name",
  ],
} as const;

/** Name of a table of a load. */
export type TableName = keyof typeof TABLES;

/** One row of a table with every column, so that a forgotten one is a type error. */
export type RowOf<Table extends TableName> = Record<(typeof TABLES)[Table][number], string | number | null>;

const ROWS_PER_STATEMENT = 1_000;

/**
 * Collects rows and inserts them in large transactions. D1 binds at most 100 parameters per statement, so
 * rows are one JSON array, which `json_each` expands.
 */
export class BulkLoader {
  readonly #db: D1Database;
  readonly #waiting = new Map<TableName, (string | number | null)[][]>();

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** Queues one row. */
  add<Table extends TableName>(table: Table, row: RowOf<Table>): void {
    const columns: readonly (keyof RowOf<Table>)[] = TABLES[table];
    const rows = this.#waiting.get(table) ?? [];
    rows.push(columns.map((column) => row[column]));
    this.#waiting.set(table, rows);
  }

  /** Number of queued rows of a table. */
  count(table: TableName): number {
    return this.#waiting.get(table)?.length ?? 0;
  }

  /** Inserts all queued rows, all or nothing. */
  async flush(): Promise<void> {
    const statements = (Object.keys(TABLES) as TableName[]).flatMap((table) => this.#insert(table));
    this.#waiting.clear();
    if (statements.length > 0) await this.#db.batch(statements);
  }

  #insert(table: TableName): D1PreparedStatement[] {
    const rows = this.#waiting.get(table) ?? [];
    const columns = TABLES[table];
    const values = columns.map((_, index) => `json_extract(value, '$[${index}]')`);
    const sql = `INSERT INTO ${table} (${columns.join(", ")}) SELECT ${values.join(", ")} FROM json_each(?)`;
    const statements: D1PreparedStatement[] = [];
    for (let start = 0; start < rows.length; start += ROWS_PER_STATEMENT) {
      const chunk = rows.slice(start, start + ROWS_PER_STATEMENT);
      statements.push(this.#db.prepare(sql).bind(JSON.stringify(chunk)));
    }
    return statements;
  }
}
