import { type IdempotentWrite, recordWrite } from "./idempotency.ts";
import type { Stamp } from "./stamp.ts";
import { writeOnce } from "./versioned.ts";

/** A task, with the names of its owner and company. */
export interface TaskRow {
  seq: number;
  id: string;
  title: string;
  due_on: string;
  owner_name: string | null;
  company_id: string | null;
  company_name: string | null;
  contact_id: string | null;
  deal_id: string | null;
  done_at: string | null;
}

/** A task to add. */
export interface NewTask {
  id: string;
  title: string;
  /** A day, `YYYY-MM-DD`. */
  due_on: string;
  owner_id: string | null;
  company_id: string | null;
  contact_id: string | null;
  deal_id: string | null;
}

const SELECT = `SELECT t.seq, t.id, t.title, t.due_on, o.name AS owner_name, t.company_id, c.name AS company_name,
    t.contact_id, t.deal_id, t.done_at
  FROM tasks t LEFT JOIN owners o ON o.id = t.owner_id LEFT JOIN companies c ON c.id = t.company_id`;

/** The statement that adds a task. */
export function addTask(db: D1Database, task: NewTask, stamp: Stamp): D1PreparedStatement {
  return db
    .prepare(
      `INSERT INTO tasks (id, title, due_on, owner_id, company_id, contact_id, deal_id,
         created_at, created_by, created_by_name) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    .bind(
      task.id,
      task.title,
      task.due_on,
      task.owner_id,
      task.company_id,
      task.contact_id,
      task.deal_id,
      stamp.at,
      stamp.userId,
      stamp.name,
    );
}

/** Filter for open tasks; days are inclusive. */
export interface TaskFilter {
  ownerId?: string | undefined;
  companyId?: string | undefined;
  dueFrom?: string | undefined;
  dueTo?: string | undefined;
}

/** The position of a task: its day and, within it, its `seq`. */
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
        `${SELECT}
         WHERE ${conditions.join(" AND ")} ORDER BY t.due_on, t.seq LIMIT ?`,
      )
      .bind(...values, limit + 1)
      .all<TaskRow>();
    const last = results.length > limit ? results[limit - 1] : undefined;
    return { rows: results.slice(0, limit), next: last && { due: last.due_on, seq: last.seq } };
  }

  /** One task, or `null`. */
  async get(id: string): Promise<TaskRow | null> {
    return await this.#db.prepare(`${SELECT} WHERE t.id = ?`).bind(id).first<TaskRow>();
  }

  /** Adds a task. With `write`, a repeated call returns the result of the first one. */
  async create(
    task: NewTask,
    stamp: Stamp,
    write: IdempotentWrite | undefined,
  ): Promise<{ id: string; replayed: boolean }> {
    const statements = [
      ...(write ? recordWrite(this.#db, write, task.id, stamp) : []),
      addTask(this.#db, task, stamp),
    ];
    return await writeOnce(this.#db, write, task.id, statements);
  }

  /**
   * Marks an open task as done at an ISO time, or a done one as open with `null`. Returns whether that
   * changed it.
   */
  async setDone(id: string, at: string | null): Promise<boolean> {
    const result = await this.#db
      .prepare("UPDATE tasks SET done_at = ?2 WHERE id = ?1 AND (done_at IS NULL) <> (?2 IS NULL)")
      .bind(id, at)
      .run();
    return result.meta.changes > 0;
  }
}
