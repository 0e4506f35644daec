import type { ClientAbilities } from "../call/client-abilities.ts";
import type { InputRequestSpec } from "../call/input-needed.ts";
import type { PrincipalIdentity } from "../call/principal.ts";
import type { JsonValue } from "../encoding/json.ts";
import { openObject } from "./open-object.ts";

/** Name of the extension, in the capabilities of both sides (SEP-2663). */
export const TASKS_EXTENSION = "io.modelcontextprotocol/tasks";

/** Whether a client understands an answer that is a task. */
export function takesTasks({ extensions }: ClientAbilities): boolean {
  return (extensions as Record<string, unknown> | undefined)?.[TASKS_EXTENSION] !== undefined;
}

/** Where a task is (MCP extension `io.modelcontextprotocol/tasks`, SEP-2663). The last three are for good. */
export type TaskStatus = "working" | "input_required" | "completed" | "failed" | "cancelled";

/** What the next step of a task needs. */
export interface TaskInput {
  /** What the client sent; for the records of the steps. */
  args: Readonly<Record<string, unknown>>;
  /** What session defaults filled in. */
  inherited: Readonly<Record<string, JsonValue>>;
  state: JsonValue;
}

/** What a call leaves to be done. Nobody but its person's object ever holds it. */
export interface NewTask extends TaskInput {
  /** 128 random bits in hex. */
  id: string;
  /** The id as the client knows it: sealed to its person, app and URL. */
  sealedId: string;
  /** Path segment of the URL that was called, or `""`. */
  server: string;
  tool: string;
  identity: PrincipalIdentity;
  /** What the client said in the call that it can be asked. */
  abilities: ClientAbilities;
  traceId: string;
  /** Milliseconds that the work may take. */
  limitMs: number;
}

/** A task as it is kept. */
export interface Task {
  sealedId: string;
  tool: string;
  status: TaskStatus;
  /** How far it is, or why it ended. */
  message: string | null;
  /** Milliseconds since the epoch. */
  createdAt: number;
  updatedAt: number;
  /** Milliseconds from `createdAt` until it is deleted, whatever its status. */
  ttlMs: number;
  /** What is still to be answered. */
  questions: readonly InputRequestSpec[];
  /** Of a completed task: the answer of the tool. */
  result: Record<string, JsonValue> | null;
  /** Of a failed one. */
  error: { code: number; message: string } | null;
}

/** Whose task it has to be. The person is whose object is asked. */
export interface TaskOwner {
  clientId: string;
  server: string;
}

/** What the lanes need of the object that runs a person's tasks. */
export interface TaskGate {
  /** Durable when it returns. `null` when the person has too many that are not finished. */
  create(task: NewTask): Promise<Task | null>;
  read(id: string, owner: TaskOwner): Promise<Task | null>;
  /** Takes answers to open questions; others are ignored. `false` when there is no such task. */
  answer(id: string, owner: TaskOwner, answers: Readonly<Record<string, unknown>>): Promise<boolean>;
  /** Stops the work; what is finished stays as it is. `false` when there is no such task. */
  cancel(id: string, owner: TaskOwner): Promise<boolean>;
  /** Every task that is kept, of every app. */
  listKept(): Promise<Task[]>;
  /** Stops and deletes all of them; says how many. */
  eraseKept(): Promise<number>;
}

/** The one object of a person that runs tasks. Its name is the opaque user id. */
export function taskGate(env: Env, userId: string): TaskGate {
  return openObject<TaskGate>(env, env.TASK_RUNNER, userId, ["read", "cancel", "listKept", "eraseKept"]);
}
