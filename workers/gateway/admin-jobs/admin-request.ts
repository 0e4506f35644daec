import { z } from "zod";
import { MOST_TRIES } from "../../../shared/people/admin-requests.ts";

/** A request in the platform database. Trusted: a writer of that database already controls everything. */
export interface AdminRequest {
  id: number;
  kind: string;
  userId: string | null;
  /** Depends on the kind; see the module that executes it. */
  detail: unknown;
  by: string;
  /** Whether an earlier try of a message may have been taken, and so counts among those of its address. */
  counted: boolean;
}

const ROW = z.object({
  id: z.int(),
  kind: z.string(),
  user_id: z.string().nullable(),
  detail: z.string(),
  by: z.string(),
  counted: z.number().nullable(),
});

const COLUMNS = "id, kind, user_id, detail, by, outcome ->> 'counted' AS counted";

/** Milliseconds after which a sender that says nothing has stopped: more than a message and its statements take. */
const TAKEN_MS = 90_000;
/** Most milliseconds between two tries of one message. */
const LONGEST_PAUSE_MS = 60 * 60_000;

/** The oldest open requests behind one, by its number; those for links have a batch of their own. */
export async function readOpenRequests(
  database: D1Database,
  limit: number,
  after = 0,
): Promise<AdminRequest[]> {
  const { results } = await database
    .prepare(
      `SELECT ${COLUMNS} FROM admin_request
        WHERE done_at IS NULL AND id > ? AND tries < ? AND kind <> 'link_mail' ORDER BY id LIMIT ?`,
    )
    .bind(after, MOST_TRIES, limit)
    .all();
  return results.map(toRequest);
}

/**
 * Open requests for links: those that were tried least, so that one that fails keeps no other back. None while the provider
 * has asked to wait; not those that wait by themselves after a failure, or that another run has taken.
 */
export async function readOpenLinks(
  database: D1Database,
  limit: number,
  now: number,
): Promise<AdminRequest[]> {
  const { results } = await database
    .prepare(
      `SELECT ${COLUMNS} FROM admin_request
        WHERE done_at IS NULL AND kind = 'link_mail' AND tries < ?1
          AND max(ifnull(outcome ->> 'after', 0), ifnull(outcome ->> 'taken', 0)) <= ?2
          AND NOT EXISTS (SELECT 1 FROM admin_request WHERE done_at IS NULL AND kind = 'link_mail' AND outcome ->> 'until' > ?2)
        ORDER BY tries, id LIMIT ?3`,
    )
    .bind(MOST_TRIES, now, limit)
    .all();
  return results.map(toRequest);
}

/**
 * Takes a request for a link for one sender, until it is closed or noted as failed, or for {@link TAKEN_MS}. `false` where
 * another has it: a page, a command and a run would send the message twice.
 */
export async function takeLink(database: D1Database, id: number, now: number): Promise<boolean> {
  const { meta } = await database
    .prepare(
      `UPDATE admin_request SET outcome = json_set(ifnull(outcome, '{}'), '$.taken', ?2 + ${TAKEN_MS})
        WHERE id = ?1 AND done_at IS NULL AND ifnull(outcome ->> 'taken', 0) <= ?2`,
    )
    .bind(id, now)
    .run();
  return meta.changes > 0;
}

/** Open requests of one kind for one person, the oldest first. */
export async function readOpenOf(
  database: D1Database,
  kind: string,
  userId: string,
): Promise<AdminRequest[]> {
  const { results } = await database
    .prepare(
      `SELECT ${COLUMNS} FROM admin_request
        WHERE done_at IS NULL AND tries < ? AND kind = ? AND user_id = ? ORDER BY id`,
    )
    .bind(MOST_TRIES, kind, userId)
    .all();
  return results.map(toRequest);
}

function toRequest(row: unknown): AdminRequest {
  const { user_id, detail, counted, ...rest } = ROW.parse(row);
  return { ...rest, userId: user_id, detail: JSON.parse(detail) as unknown, counted: counted === 1 };
}

/** The open request with this mark. Few are open, and an index covers them. */
export async function readMarked(database: D1Database, mark: string): Promise<AdminRequest | undefined> {
  const { results } = await database
    .prepare(`SELECT ${COLUMNS} FROM admin_request WHERE done_at IS NULL AND mark = ? LIMIT 1`)
    .bind(mark)
    .all();
  return results.map(toRequest)[0];
}

/** Marks a request as done and stores its outcome; one that was closed meanwhile keeps the outcome that it has. */
export async function closeRequest(database: D1Database, id: number, outcome: unknown): Promise<void> {
  await database
    .prepare("UPDATE admin_request SET done_at = ?, outcome = ? WHERE id = ? AND done_at IS NULL")
    .bind(Date.now(), JSON.stringify(outcome), id)
    .run();
}

/**
 * Stores a failed try of a request that is still open. It stays open; one for a link waits after its second failure, twice as long after each further
 * one, so that its tries outlast a provider that is away for hours.
 */
export async function noteFailure(database: D1Database, id: number, outcome: object): Promise<void> {
  await database
    .prepare(
      `UPDATE admin_request SET tries = tries + 1, outcome = iif(kind = 'link_mail' AND tries > 0,
         json_set(?2, '$.after', ?3 + min(${LONGEST_PAUSE_MS}, 60000 << min(tries - 1, 20))), ?2)
        WHERE id = ?1 AND done_at IS NULL`,
    )
    .bind(id, JSON.stringify(outcome), Date.now())
    .run();
}

/**
 * Deletes requests that were done before `doneBefore`, and outcomes with a person's data before `dataBefore`;
 * milliseconds since the epoch. The audit trail keeps what they did.
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
