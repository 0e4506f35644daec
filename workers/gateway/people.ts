/** A person who may use Gatehouse. Created by an administrator; there is no sign-up. */
export interface Person {
  /** Opaque, without `:`. */
  id: string;
  email: string;
  name: string;
  /** A role of the policy; an unknown one holds nothing. */
  role: string;
}

/** Loads an active person. `null` when there is none with this id, or the person is disabled. */
export async function findPerson(database: D1Database, id: string): Promise<Person | null> {
  return await database
    .prepare(`SELECT "id", "email", "name", "role" FROM "user" WHERE "id" = ? AND "disabled" = 0`)
    .bind(id)
    .first<Person>();
}

/** Removes sessions that ended before `now`, at most `limit` of them. Returns how many went. */
export async function removeEndedSessions(database: D1Database, now: Date, limit: number): Promise<number> {
  // Dates are ISO 8601 in UTC, so their text order is their time order.
  const result = await database
    .prepare(
      `DELETE FROM "session" WHERE "id" IN (SELECT "id" FROM "session" WHERE "expiresAt" <= ? ORDER BY "expiresAt" LIMIT ?)`,
    )
    .bind(now.toISOString(), limit)
    .run();
  return result.meta.changes;
}
