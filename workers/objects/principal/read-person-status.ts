import { isHeld } from "../../../shared/people/teams.ts";

/** What decides whether a person may request or approve, as the database says now. */
export interface PersonStatus {
  role: string;
  /** Number of changes of the role and of the account's activation. */
  roleRevision: number;
}

/**
 * Reads the current state of these people, by their ids. Disabled and missing ones, and teams without a member, are left out. Not cached.
 */
export async function readPersonStatuses(
  database: D1Database,
  userIds: readonly string[],
): Promise<ReadonlyMap<string, PersonStatus>> {
  const { results } = await database
    .prepare(
      `SELECT "id", "role", "roleRevision" FROM "user"
       WHERE "id" IN (SELECT value FROM json_each(?)) AND "disabled" = 0
         AND ${isHeld('"user"."id"')}`,
    )
    .bind(JSON.stringify(userIds))
    .all<PersonStatus & { id: string }>();
  return new Map(results.map(({ id, ...status }) => [id, status]));
}
