import type { SessionContext } from "../../../shared/session/context.ts";

/** Data that a Principal object stores for the user's stateless clients. */
export interface KeptData {
  contexts: { clientId: string; context: SessionContext }[];
  /** Results that were too large for one response, in chunks. */
  results: { clientId: string; handle: string; rows: unknown[] }[];
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
  return {
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
