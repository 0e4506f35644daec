import { isHeld } from "../../../shared/people/teams.ts";

/** What decides whether a person may request or approve, as the database says now. */
export interface PersonStatus {
  role: string;
  /** Number of changes of the role and of the account's activation. */
  roleRevision: number;
}

/**
 * Ids of the people who act for an account with one of its grants: the members of a team, and who made the secrets of a
 * key, also when they have left since. Empty for a person who made it themselves. Not cached.
 */
export async function readHolders(
  database: D1Database,
  account: string,
  grantId: string,
): Promise<readonly string[]> {
  const { results } = await database
    .prepare(
      `SELECT user_id AS id FROM team_belonging WHERE team_id = ?1
        UNION SELECT made_by FROM access_key_secret WHERE key_id = ?2 AND made_by <> ?1`,
    )
    .bind(account, grantId)
    .all<{ id: string }>();
  return results.map(({ id }) => id);
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
