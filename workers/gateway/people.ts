/** A user of Gatehouse. Created by an administrator; there is no sign-up. */
export interface Person {
  /** Opaque, without `:`. */
  id: string;
  email: string;
  name: string;
  /** A role of the policy; an unknown one has no rights. */
  role: string;
}

/** Loads an active user; `null` if the id is unknown or the user is disabled. */
export async function findPerson(database: D1Database, id: string): Promise<Person | null> {
  return await database
    .prepare(`SELECT "id", "email", "name", "role" FROM "user" WHERE "id" = ? AND "disabled" = 0`)
    .bind(id)
    .first<Person>();
}

/** Whether a person has a password here. */
export async function hasPassword(database: D1Database, id: string): Promise<boolean> {
  const found = await database
    .prepare(
      `SELECT 1 FROM "account" WHERE "userId" = ? AND "providerId" = 'credential' AND "password" IS NOT NULL`,
    )
    .bind(id)
    .first();
  return found !== null;
}

/** Deletes sessions that ended before `now`, at most `limit`. Returns their number. */
export async function removeEndedSessions(database: D1Database, now: Date, limit: number): Promise<number> {
  // Dates are ISO 8601 in UTC, so text order is time order.
  const result = await database
    .prepare(
      `DELETE FROM "session" WHERE "id" IN (SELECT "id" FROM "session" WHERE "expiresAt" <= ? ORDER BY "expiresAt" LIMIT ?)`,
    )
    .bind(now.toISOString(), limit)
    .run();
  return result.meta.changes;
}
