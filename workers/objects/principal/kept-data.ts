import {
  applyOperation,
  type ContextOperation,
  emptyContext,
  type SessionContext,
} from "../../../shared/session/context.ts";
import type { ResultStore } from "../../../shared/session/result-store.ts";
import { readJournal } from "./waiting-programs.ts";

/** Data that a Principal object stores for the user's stateless clients. */
export interface KeptData {
  contexts: { clientId: string; context: SessionContext }[];
  /** Results that were too large for one response, in chunks. */
  results: { clientId: string; handle: string; rows: unknown[] }[];
  /** What the person's sessions with each app have met. */
  met: { clientId: string; label: string; name: string; at: string }[];
  /** Programs that wait for an approval, with what their calls have answered. */
  programs: { clientId: string; keptAt: string; calls: unknown[] }[];
}

/** Reads all data stored for a user. */
export function readKept(sql: SqlStorage): KeptData {
  const contexts = sql
    .exec<{ client_id: string; context: string }>(
      "SELECT client_id, context FROM contexts ORDER BY client_id",
    )
    .toArray();
  const chunks = sql
    .exec<{ owner: string; handle: string; rows: string }>(
      "SELECT owner, handle, rows FROM kept_chunks ORDER BY owner, handle, chunk",
    )
    .toArray();
  const met = sql
    .exec<{ client_id: string; label: string; name: string; at: number }>(
      "SELECT client_id, label, name, at FROM session_mark ORDER BY at",
    )
    .toArray();
  const programs = sql
    .exec<{ id: string; client_id: string; kept_at: number }>(
      "SELECT id, client_id, kept_at FROM waiting_program ORDER BY kept_at",
    )
    .toArray();
  return {
    met: met.map(({ client_id: clientId, label, name, at }) => ({ clientId, label, name, at: momentOf(at) })),
    programs: programs.map(({ id, client_id: clientId, kept_at }) => ({
      clientId,
      keptAt: momentOf(kept_at),
      calls: readJournal(sql, id),
    })),
    contexts: contexts.map((row) => ({
      clientId: row.client_id,
      context: JSON.parse(row.context) as SessionContext,
    })),
    results: chunks.map(({ owner, handle, rows }) => ({
      clientId: owner,
      handle,
      rows: JSON.parse(rows) as unknown[],
    })),
  };
}

function momentOf(at: number): string {
  return new Date(at).toISOString();
}

/** Deletes all data stored for a user, approvals too. Returns the number of contexts and results. */
export function eraseKept(sql: SqlStorage): { contexts: number; results: number } {
  const count = (table: string) =>
    sql.exec<{ total: number }>(`SELECT count(*) AS total FROM ${table}`).one().total;
  const erased = { contexts: count("contexts"), results: count("kept_results") };
  forgetClients(sql);
  sql.exec("DELETE FROM approval; DELETE FROM approval_last");
  return erased;
}

/** Deletes what was kept for the user's stateless clients. */
export function forgetClients(sql: SqlStorage): void {
  sql.exec(
    "DELETE FROM contexts; DELETE FROM kept_chunks; DELETE FROM kept_results; DELETE FROM session_mark; DELETE FROM waiting_program; DELETE FROM waiting_program_call",
  );
}

/** Makes the table of contexts, by client. */
export function createContexts(sql: SqlStorage): void {
  sql.exec("CREATE TABLE IF NOT EXISTS contexts (client_id TEXT PRIMARY KEY, context TEXT NOT NULL)");
}

/** The context of a stateless client; an empty one before the first change. */
export function readContext(sql: SqlStorage, clientId: string): SessionContext {
  const [row] = sql
    .exec<{ context: string }>("SELECT context FROM contexts WHERE client_id = ?", clientId)
    .toArray();
  return row ? (JSON.parse(row.context) as SessionContext) : emptyContext();
}

/** Changes the context of a stateless client. */
export function applyContext(
  sql: SqlStorage,
  clientId: string,
  operations: readonly ContextOperation[],
  results: ResultStore,
): void {
  for (const operation of operations) {
    if (operation.kind === "clear" && operation.parts.includes("handles")) results.clear(clientId);
  }
  const context = operations.reduce(applyOperation, readContext(sql, clientId));
  sql.exec(
    "INSERT INTO contexts VALUES (?1, ?2) ON CONFLICT (client_id) DO UPDATE SET context = ?2",
    clientId,
    JSON.stringify(context),
  );
}
