/** What decides whether a person may ask for something or approve it, as the database says at this moment. */
export interface PersonStanding {
  role: string;
  /** Counts changes of the role, and of whether the account is active. */
  roleRevision: number;
}

/** Reads how these people stand now, by their ids. Who is disabled or gone is left out. Nothing of it is remembered. */
export async function readStandings(
  database: D1Database,
  userIds: readonly string[],
): Promise<ReadonlyMap<string, PersonStanding>> {
  const { results } = await database
    .prepare(
      `SELECT "id", "role", "roleRevision" FROM "user"
       WHERE "id" IN (SELECT value FROM json_each(?)) AND "disabled" = 0`,
    )
    .bind(JSON.stringify(userIds))
    .all<PersonStanding & { id: string }>();
  return new Map(results.map(({ id, ...standing }) => [id, standing]));
}
