import { digestText } from "../../../shared/encoding/canonical-json.ts";

/**
 * Whether a ticket lies in the platform database and has not expired. It counts once. A command writes one
 * before it asks: a writer of that database already controls everything.
 */
export async function takeTicket(
  database: D1Database,
  authorization: string | undefined,
  now: number,
): Promise<boolean> {
  const [, ticket] = /^Bearer ([0-9a-f]{64})$/.exec(authorization ?? "") ?? [];
  if (ticket === undefined) return false;
  const taken = await database
    .prepare("DELETE FROM connection_ticket WHERE digest = ? AND expires_at > ? RETURNING digest")
    .bind(digestText(ticket), now)
    .first();
  return taken !== null;
}

/** Deletes tickets that were never used. Returns how many. */
export async function removeEndedTickets(database: D1Database, now: number): Promise<number> {
  const { meta } = await database
    .prepare("DELETE FROM connection_ticket WHERE expires_at <= ?")
    .bind(now)
    .run();
  return meta.changes;
}
