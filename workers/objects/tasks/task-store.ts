import type { GivenAnswer, InputRequestSpec } from "../../../shared/call/input-needed.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import type { OpenTask } from "../../../shared/objects/open-work.ts";
import type { NewTask, Task, TaskOwner, TaskStatus } from "../../../shared/objects/task.ts";

/** Milliseconds that a finished task is kept for its client. */
const KEPT_MS = 60 * 60_000;

/** Characters per row of a task's text. A character may need four bytes, and SQLite holds 2 MB per value. */
const CHUNK = 400_000;

/** Result of a step for its task. */
export type TaskChange =
  | { kind: "next"; state: JsonValue; message: string | null; dueAt: number }
  | { kind: "later"; message: string; dueAt: number }
  | { kind: "ask"; questions: readonly InputRequestSpec[] }
  | { kind: "completed"; result: Record<string, JsonValue> }
  | { kind: "failed"; error: { code: number; message: string } }
  | { kind: "cancelled"; message: string };

/** Status messages of a cancelled task, by who cancelled it. */
export const CANCELLED = { client: "Cancelled by the client.", operator: "Ended by an operator." } as const;

/** Input of a step. */
export interface Stage {
  task: NewTask;
  /** Number of the step, from 0. Part of its questions' keys. */
  step: number;
  /** By the key of their question. */
  answers: Readonly<Record<string, GivenAnswer>>;
  /** Who cancelled it, as a sentence: only its final message is missing. `null` for a task that goes on. */
  stopped: string | null;
}

type Row = {
  sealed_id: string;
  tool: string;
  status: TaskStatus;
  state: string;
  step: number;
  message: string | null;
  questions: string;
  answers: string;
  outcome: string | null;
  created_at: number;
  updated_at: number;
  ttl_ms: number;
};

/** One user's tasks, in the SQLite of the object that runs them. */
export class TaskStore {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(
      `CREATE TABLE IF NOT EXISTS tasks (
         id TEXT PRIMARY KEY, sealed_id TEXT NOT NULL, client_id TEXT NOT NULL, server TEXT NOT NULL,
         tool TEXT NOT NULL,
         status TEXT NOT NULL, state TEXT NOT NULL, step INTEGER NOT NULL DEFAULT 0, attempts INTEGER NOT NULL DEFAULT 0,
         message TEXT, questions TEXT NOT NULL DEFAULT '[]', answers TEXT NOT NULL DEFAULT '{}', outcome TEXT,
         created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, ttl_ms INTEGER NOT NULL, due_at INTEGER) WITHOUT ROWID`,
    );
    // A separate table, because arguments may exceed SQLite's limit per value.
    sql.exec(
      `CREATE TABLE IF NOT EXISTS task_texts (
         id TEXT NOT NULL, part INTEGER NOT NULL, text TEXT NOT NULL, PRIMARY KEY (id, part))`,
    );
  }

  add(task: NewTask, now: number): void {
    const { state, ...rest } = task;
    const text = JSON.stringify(rest);
    for (const [part, chunk] of cut(text).entries()) {
      this.#sql.exec("INSERT INTO task_texts VALUES (?, ?, ?)", task.id, part, chunk);
    }
    this.#sql.exec(
      `INSERT INTO tasks (id, sealed_id, client_id, server, tool, status, state, created_at, updated_at, ttl_ms, due_at)
       VALUES (?1, ?2, ?3, ?4, ?5, 'working', ?6, ?7, ?7, ?8, ?7)`,
      ...[task.id, task.sealedId, task.identity.clientId, task.server, task.tool, JSON.stringify(state)],
      ...[now, task.limitMs],
    );
  }

  /** A task of this owner that has not expired. */
  read(id: string, { clientId, server }: TaskOwner, now: number): Task | null {
    const [row] = this.#sql
      .exec<Row>(
        "SELECT * FROM tasks WHERE id = ? AND client_id = ? AND server = ? AND created_at + ttl_ms > ?",
        ...[id, clientId, server, now],
      )
      .toArray();
    return row ? toTask(row) : null;
  }

  /** Number of unfinished tasks. */
  countOpen(): number {
    return this.#sql
      .exec<{ n: number }>("SELECT count(*) AS n FROM tasks WHERE status IN ('working', 'input_required')")
      .one().n;
  }

  /** Unfinished tasks, for the index of the console. */
  listOpen(): OpenTask[] {
    return this.#sql
      .exec<{ [Name in keyof OpenTask]: SqlStorageValue }>(
        `SELECT id, client_id AS clientId, server, tool, status, created_at AS begunAt, created_at + ttl_ms AS until
           FROM tasks WHERE status IN ('working', 'input_required')`,
      )
      .toArray() as unknown as OpenTask[];
  }

  /** All tasks, oldest first. */
  list(): Task[] {
    return this.#sql.exec<Row>("SELECT * FROM tasks ORDER BY created_at").toArray().map(toTask);
  }

  /** Tasks of an owner that ended at a time or after it, in that order. */
  listDone({ clientId, server }: TaskOwner, since: number): Task[] {
    return this.#sql
      .exec<Row>(
        `SELECT * FROM tasks WHERE client_id = ? AND server = ? AND updated_at >= ?
            AND status IN ('completed', 'failed', 'cancelled') ORDER BY updated_at, id`,
        ...[clientId, server, since],
      )
      .toArray()
      .map(toTask);
  }

  hasEnded(id: string): boolean {
    const sql = "SELECT 1 FROM tasks WHERE id = ? AND status IN ('completed', 'failed', 'cancelled')";
    return this.#sql.exec(sql, id).toArray().length > 0;
  }

  /** Tasks with a due step, the longest waiting first. */
  listDue(now: number): string[] {
    return this.#sql
      .exec<{ id: string }>("SELECT id FROM tasks WHERE due_at <= ? ORDER BY due_at", now)
      .toArray()
      .map(({ id }) => id);
  }

  /**
   * Begins a step; counts its attempts, so that a step that always breaks the object does not run forever.
   */
  begin(id: string): (Stage & { attempts: number }) | null {
    const [row] = this.#sql
      .exec<Row & { attempts: number }>(
        `UPDATE tasks SET attempts = attempts + 1
          WHERE id = ? AND (status = 'working' OR (status = 'cancelled' AND due_at IS NOT NULL)) RETURNING *`,
        id,
      )
      .toArray();
    if (!row) return null;
    const rest = JSON.parse(this.#readText(id)) as Omit<NewTask, "state">;
    return {
      task: { ...rest, state: JSON.parse(row.state) as JsonValue },
      step: row.step,
      answers: JSON.parse(row.answers) as Record<string, GivenAnswer>,
      stopped: row.status === "cancelled" ? (row.message ?? CANCELLED.client) : null,
      attempts: row.attempts,
    };
  }

  /** Stores the result of a step, unless the task was cancelled meanwhile. */
  change(id: string, step: number, change: TaskChange, now: number): void {
    const where = "WHERE id = ?1 AND status = 'working' AND step = ?2";
    const set = (sql: string, ...values: SqlStorageValue[]) =>
      this.#sql.exec(`UPDATE tasks SET updated_at = ?3, ${sql} ${where}`, id, step, now, ...values);
    switch (change.kind) {
      case "next":
        set(
          "state = ?4, step = step + 1, attempts = 0, answers = '{}', message = ?5, due_at = ?6",
          ...[JSON.stringify(change.state), change.message, change.dueAt],
        );
        return;
      case "later":
        // The step did not fail: it was not admitted.
        set("attempts = 0, message = ?4, due_at = ?5", change.message, change.dueAt);
        return;
      case "ask":
        set(
          "status = 'input_required', attempts = 0, questions = ?4, due_at = NULL",
          JSON.stringify(change.questions),
        );
        return;
      case "completed":
        // A finished task has no progress message.
        set(
          `status = 'completed', message = NULL, outcome = ?4, ${endAt("?3")}`,
          JSON.stringify(change.result),
        );
        break;
      case "failed":
        set(
          `status = 'failed', outcome = ?4, message = ?5, ${endAt("?3")}`,
          ...[JSON.stringify(change.error), change.error.message],
        );
        break;
      case "cancelled":
        set(`status = 'cancelled', message = ?4, ${endAt("?3")}`, change.message);
    }
    this.#forgetArguments(id);
  }

  /** Closes a cancelled task with its final message. */
  close(id: string, message: string, now: number): void {
    this.#sql.exec(
      "UPDATE tasks SET message = ?2, updated_at = ?3, state = 'null', due_at = NULL WHERE id = ?1 AND status = 'cancelled'",
      ...[id, message, now],
    );
    this.#forgetArguments(id);
  }

  /** {@link close} later: the final message cannot be computed now. */
  closeLater(id: string, dueAt: number): void {
    this.#sql.exec(
      "UPDATE tasks SET attempts = 0, due_at = ?2 WHERE id = ?1 AND status = 'cancelled'",
      id,
      dueAt,
    );
  }

  /** Stores a running step's progress. */
  note(id: string, message: string): void {
    this.#sql.exec("UPDATE tasks SET message = ? WHERE id = ? AND status = 'working'", message, id);
  }

  /** Stores answers to open questions. The last one makes the step due. */
  answer(id: string, { questions }: Task, answers: Readonly<Record<string, unknown>>, now: number): void {
    const given = questions.filter(({ key }) => Object.hasOwn(answers, key));
    if (given.length === 0) return;
    const open = questions.filter((question) => !given.includes(question));
    const [status, dueAt] =
      open.length === 0 ? (["working", now] as const) : (["input_required", null] as const);
    const kept = this.#sql.exec<{ answers: string }>("SELECT answers FROM tasks WHERE id = ?", id).one();
    const known = JSON.parse(kept.answers) as Record<string, GivenAnswer>;
    for (const { key, digest } of given) known[key] = { digest, response: answers[key] };
    this.#sql.exec(
      `UPDATE tasks SET questions = ?, answers = ?, status = ?, due_at = ?, updated_at = ?
        WHERE id = ? AND status = 'input_required'`,
      ...[JSON.stringify(open), JSON.stringify(known), status, dueAt, now, id],
    );
  }

  /** Cancels an unfinished task. It keeps its state and is due once more, for its final message. */
  cancel(id: string, now: number, message: string = CANCELLED.client): void {
    this.#sql.exec(
      `UPDATE tasks SET status = 'cancelled', message = ?3, attempts = 0, updated_at = ?2, ${endAt("?2", "?2")}
        WHERE id = ?1 AND status IN ('working', 'input_required')`,
      ...[id, now, message],
    );
  }

  /** Deletes expired tasks and returns their ids: a step may still run. */
  sweep(now: number): string[] {
    const gone = this.#sql
      .exec<{ id: string }>("DELETE FROM tasks WHERE created_at + ttl_ms <= ? RETURNING id", now)
      .toArray()
      .map(({ id }) => id);
    if (gone.length > 0) {
      this.#sql.exec(
        "DELETE FROM task_texts WHERE id IN (SELECT value FROM json_each(?))",
        JSON.stringify(gone),
      );
    }
    return gone;
  }

  /** Time of the next work (milliseconds since the epoch). */
  nextMoment(): number | null {
    return this.#sql
      .exec<{ at: number | null }>(
        "SELECT min(min(ifnull(due_at, 1e15), created_at + ttl_ms)) AS at FROM tasks",
      )
      .one().at;
  }

  /** No step follows: the arguments, which may be a whole file, are not kept with the result. */
  #forgetArguments(id: string): void {
    this.#sql.exec(
      "DELETE FROM task_texts WHERE id IN (SELECT id FROM tasks WHERE id = ? AND due_at IS NULL AND status NOT IN ('working', 'input_required'))",
      id,
    );
  }

  #readText(id: string): string {
    return this.#sql
      .exec<{ text: string }>("SELECT text FROM task_texts WHERE id = ? ORDER BY part", id)
      .toArray()
      .map(({ text }) => text)
      .join("");
  }
}

/** Pieces of at most {@link CHUNK}, none of which splits a character. */
function cut(text: string): string[] {
  return text.match(new RegExp(`.{1,${CHUNK}}`, "gsu")) ?? [];
}

/** SQL for the end of a task; its result is kept from now on, whenever the task began. */
function endAt(now: string, due = "NULL"): string {
  const left = due === "NULL" ? "state = 'null', due_at = NULL" : `due_at = ${due}`;
  return `questions = '[]', answers = '{}', ${left}, ttl_ms = ${now} - created_at + ${KEPT_MS}`;
}

function toTask(row: Row): Task {
  const outcome = <T>(status: TaskStatus): T | null =>
    row.status === status ? (JSON.parse(row.outcome ?? "null") as T | null) : null;
  return {
    ...{ sealedId: row.sealed_id, tool: row.tool, status: row.status, message: row.message },
    ...{ createdAt: row.created_at, updatedAt: row.updated_at, ttlMs: row.ttl_ms },
    questions: JSON.parse(row.questions) as InputRequestSpec[],
    result: outcome("completed"),
    error: outcome("failed"),
  };
}
