/** Something to do, with the names of its owner and company. */
export interface TaskRow {
  seq: number;
  id: string;
  title: string;
  due_on: string;
  owner_name: string | null;
  company_id: string | null;
  company_name: string | null;
  deal_id: string | null;
}

/** Which open tasks to list; days are inclusive. */
export interface TaskFilter {
  ownerId?: string | undefined;
  companyId?: string | undefined;
  dueFrom?: string | undefined;
  dueTo?: string | undefined;
}

/** The place of a task: its day and, within it, its `seq`. */
export interface TaskPosition {
  due: string;
  seq: number;
}

/** All SQL about tasks. */
export class TaskStore {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** One page of open tasks, the most urgent first. */
  async listOpen(
    filter: TaskFilter,
    limit: number,
    after: TaskPosition | undefined,
  ): Promise<{ rows: TaskRow[]; next: TaskPosition | undefined }> {
    const conditions = ["t.done_at IS NULL", "(t.due_on, t.seq) > (?, ?)"];
    const values: (string | number)[] = [after?.due ?? "", after?.seq ?? -1];
    const add = (sql: string, value: string | undefined) => {
      if (value === undefined) return;
      conditions.push(sql);
      values.push(value);
    };
    add("t.owner_id = ?", filter.ownerId);
    add("t.company_id = ?", filter.companyId);
    add("t.due_on >= ?", filter.dueFrom);
    add("t.due_on <= ?", filter.dueTo);
    const { results } = await this.#db
      .prepare(
        `SELECT t.seq, t.id, t.title, t.due_on, o.name AS owner_name, t.company_id, c.name AS company_name, t.deal_id
         FROM tasks t LEFT JOIN owners o ON o.id = t.owner_id LEFT JOIN companies c ON c.id = t.company_id
         WHERE ${conditions.join(" AND ")} ORDER BY t.due_on, t.seq LIMIT ?`,
      )
      .bind(...values, limit + 1)
      .all<TaskRow>();
    const last = results.length > limit ? results[limit - 1] : undefined;
    return { rows: results.slice(0, limit), next: last && { due: last.due_on, seq: last.seq } };
  }
}
