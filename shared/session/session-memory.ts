import type { JsonValue } from "../encoding/json.ts";
import type { ContextOperation, ResultHandle, SessionContext } from "./context.ts";

/** A page of a stored result. */
export interface ResultPage {
  rows: JsonValue[];
  total: number;
}

/**
 * A session's memory: in the session's own object for sessionful clients, in the principal's object, keyed by
 * client, for stateless ones. The caller is already authenticated; handles are looked up only inside its own
 * memory, so a handle of another user is unknown.
 */
export interface SessionMemory {
  read(): Promise<SessionContext>;
  /** Applies changes in order and returns when they are durable. */
  apply(operations: readonly ContextOperation[]): Promise<void>;
  /** Stores the rows of a large result. Replaces nothing; old handles are dropped oldest first. */
  keepResult(handle: ResultHandle, rows: readonly JsonValue[]): Promise<void>;
  /** Rows `offset … offset + limit`, or `null` if the handle is unknown. */
  readResult(handle: string, offset: number, limit: number): Promise<ResultPage | null>;
}
