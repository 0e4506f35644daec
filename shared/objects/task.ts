import type { ClientAbilities } from "../call/client-abilities.ts";
import type { ReadLabel } from "../call/flow-labels.ts";
import type { InputRequestSpec } from "../call/input-needed.ts";
import type { PrincipalIdentity } from "../call/principal.ts";
import type { JsonValue } from "../encoding/json.ts";
import { openObject } from "./open-object.ts";

/** Name of the extension in the capabilities of both sides (SEP-2663). */
export const TASKS_EXTENSION = "io.modelcontextprotocol/tasks";

/** Whether a client accepts a task as a result. */
export function takesTasks({ extensions }: ClientAbilities): boolean {
  return (extensions as Record<string, unknown> | undefined)?.[TASKS_EXTENSION] !== undefined;
}

/** Status of a task (MCP extension `io.modelcontextprotocol/tasks`, SEP-2663). The last three are final. */
export type TaskStatus = "working" | "input_required" | "completed" | "failed" | "cancelled";

/** Input of a task's next step. */
export interface TaskInput {
  /** What the client sent, for the records of the steps. */
  args: Readonly<Record<string, unknown>>;
  /** Arguments that session defaults filled in. */
  inherited: Readonly<Record<string, JsonValue>>;
  state: JsonValue;
  /** What the session had met when the call was allowed; absent in tasks of earlier releases. */
  session?: readonly ReadLabel[];
}

/** The work that a call leaves to a task. Only the user's object holds it. */
export interface NewTask extends TaskInput {
  /** 128 random bits in hex. */
  id: string;
  /** The id as the client sees it: sealed to its user, app and URL. */
  sealedId: string;
  /** Path segment of the called URL, or `""`. */
  server: string;
  tool: string;
  identity: PrincipalIdentity;
  /** Capabilities that the client declared in the call. */
  abilities: ClientAbilities;
  traceId: string;
  /** The span that its steps are below; none where the call was not recorded. */
  spanId?: string;
  /** Milliseconds that the work may take. */
  limitMs: number;
}

/** A stored task. */
export interface Task {
  sealedId: string;
  tool: string;
  status: TaskStatus;
  /** Progress, or the reason for its end. */
  message: string | null;
  /** Milliseconds since the epoch. */
  createdAt: number;
  updatedAt: number;
  /** Milliseconds from `createdAt` until the task is deleted, whatever its status. */
  ttlMs: number;
  /** Unanswered questions. */
  questions: readonly InputRequestSpec[];
  /** Result of the tool, for a completed task. */
  result: Record<string, JsonValue> | null;
  /** Error of a failed task. */
  error: { code: number; message: string } | null;
}

/** The owner that a task must have. The user is the one whose object is called. */
export interface TaskOwner {
  clientId: string;
  server: string;
}

/** The task methods that the lanes use. */
export interface TaskGate {
  /** Durable when it returns. `null` if the user has too many unfinished tasks. */
  create(task: NewTask): Promise<Task | null>;
  read(id: string, owner: TaskOwner): Promise<Task | null>;
  /** Accepts answers to open questions and ignores others. `false` if the task does not exist. */
  answer(id: string, owner: TaskOwner, answers: Readonly<Record<string, unknown>>): Promise<boolean>;
  /** Stops the work; a finished task stays as it is. `false` if the task does not exist. */
  cancel(id: string, owner: TaskOwner): Promise<boolean>;
  /** Stops the work of any of the user's apps for an operator. `false` if the task is not unfinished. */
  end(id: string): Promise<boolean>;
  /** All stored tasks of all the user's apps. */
  listKept(): Promise<Task[]>;
  /** Tasks of an owner that ended at a time (milliseconds since the epoch) or after it, in that order. */
  listDone(owner: TaskOwner, since: number): Promise<Task[]>;
  /** Stops and deletes all tasks; returns their number. */
  eraseKept(): Promise<number>;
}

/** The one task object of a user. Its name is the opaque user id. */
export function taskGate(env: Env, userId: string): TaskGate {
  return openObject<TaskGate>(env, env.TASK_RUNNER, userId, [
    "read",
    "cancel",
    "listKept",
    "listDone",
    "eraseKept",
  ]);
}
