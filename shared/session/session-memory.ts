import type { JsonValue } from "../encoding/json.ts";
import type { ContextOperation, ResultHandle, SessionContext } from "./context.ts";

/** A page of a kept result. */
export interface ResultPage {
  rows: JsonValue[];
  total: number;
}

/**
 * Where a session's memory lives: the session's own object for sessionful clients, the principal's object, keyed
 * by client, for stateless ones. Whoever holds a home has been identified already; handles are looked up inside it
 * only, so a handle of someone else is simply unknown.
 */
export interface SessionMemory {
  read(): Promise<SessionContext>;
  /** Applies changes in order and returns when they are durable. */
  apply(operations: readonly ContextOperation[]): Promise<void>;
  /** Keeps the rows of a large result. Replaces nothing; old handles are dropped oldest first. */
  keepResult(handle: ResultHandle, rows: readonly JsonValue[]): Promise<void>;
  /** Rows `offset … offset + limit`, or `null` when the handle is unknown here. */
  readResult(handle: string, offset: number, limit: number): Promise<ResultPage | null>;
}
