import { z } from "zod";

/** A request as the platform database has it. Whoever may write there may do everything there: it is trusted. */
export interface AdminRequest {
  id: number;
  kind: string;
  userId: string | null;
  /** By kind, see the module that carries it out. */
  detail: unknown;
  by: string;
}

const ROW = z.object({
  id: z.int(),
  kind: z.string(),
  user_id: z.string().nullable(),
  detail: z.string(),
  by: z.string(),
});

/** Tries after which a request waits for people: its outcome says what went wrong. */
const TRIES = 20;

/** The oldest open requests. */
export async function readOpenRequests(database: D1Database, limit: number): Promise<AdminRequest[]> {
  const { results } = await database
    .prepare(
      `SELECT id, kind, user_id, detail, by FROM admin_request
        WHERE done_at IS NULL AND tries < ? ORDER BY id LIMIT ?`,
    )
    .bind(TRIES, limit)
    .all();
  return results.map(toRequest);
}

function toRequest(row: unknown): AdminRequest {
  const { user_id, detail, ...rest } = ROW.parse(row);
  return { ...rest, userId: user_id, detail: JSON.parse(detail) as unknown };
}

/** The open request that carries this mark. Open ones are few, and an index holds them. */
export async function readMarked(database: D1Database, mark: string): Promise<AdminRequest | undefined> {
  const { results } = await database
    .prepare(
      "SELECT id, kind, user_id, detail, by FROM admin_request WHERE done_at IS NULL AND mark = ? LIMIT 1",
    )
    .bind(mark)
    .all();
  return results.map(toRequest)[0];
}

/** Notes that a request was carried out, and what came of it. */
export async function closeRequest(database: D1Database, id: number, outcome: unknown): Promise<void> {
  await database
    .prepare("UPDATE admin_request SET done_at = ?, outcome = ? WHERE id = ?")
    .bind(Date.now(), JSON.stringify(outcome), id)
    .run();
}

/** Notes that a try failed. The request stays open. */
export async function noteFailure(database: D1Database, id: number, reason: string): Promise<void> {
  await database
    .prepare("UPDATE admin_request SET tries = tries + 1, outcome = ? WHERE id = ?")
    .bind(JSON.stringify({ failed: reason }), id)
    .run();
}

/**
 * Forgets requests that were done before `doneBefore`, and answers that hold a person's data before
 * `dataBefore`; milliseconds since the epoch. What they did is in the audit trail.
 */
export async function removeOldRequests(
  database: D1Database,
  doneBefore: number,
  dataBefore: number,
  limit: number,
): Promise<number> {
  const [removed] = await database.batch([
    database
      .prepare(
        "DELETE FROM admin_request WHERE id IN (SELECT id FROM admin_request WHERE done_at < ? ORDER BY done_at LIMIT ?)",
      )
      .bind(doneBefore, limit),
    database
      .prepare("UPDATE admin_request SET outcome = NULL WHERE kind = 'data_export' AND done_at < ?")
      .bind(dataBefore),
  ]);
  return removed?.meta.changes ?? 0;
}
