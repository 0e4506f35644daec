/** A team, as one of its members sees it. */
export interface OwnTeam {
  id: string;
  name: string;
  /** Role of its service accounts. */
  role: string;
}

const TEAMS = `
  SELECT "id", "name", "role" FROM "user"
   WHERE "id" IN (SELECT team_id FROM team_holder WHERE user_id = ?1) AND "disabled" = 0`;

/** The teams whose service accounts a person manages, by name; at most 100. */
export async function listOwnTeams(database: D1Database, userId: string): Promise<OwnTeam[]> {
  return (await database.prepare(`${TEAMS} ORDER BY "name" LIMIT 100`).bind(userId).all<OwnTeam>()).results;
}

/** Whose a new key will be: the person's own, or a team's, whose role decides. */
export interface KeyOwner {
  id: string;
  role: string;
  /** Name of the team; `null` for the person. */
  team: string | null;
}

/** The owner that an address or a form names: the person for none, a team of theirs; `null` for any other. */
export async function findOwner(
  database: D1Database,
  person: { id: string; role: string },
  team: string,
): Promise<KeyOwner | null> {
  if (team === "") return { id: person.id, role: person.role, team: null };
  const found = await database
    .prepare(`${TEAMS} AND "id" = ?2`)
    .bind(person.id, team.slice(0, 64))
    .first<OwnTeam>();
  return found && { id: found.id, role: found.role, team: found.name };
}

/**
 * Whether an account is a team of this person: they act for it, so they do not decide about it. Also while the team or
 * the person's role is stopped.
 */
export async function actsFor(database: D1Database, userId: string, id: string): Promise<boolean> {
  const found = await database
    .prepare("SELECT 1 FROM team_belonging WHERE team_id = ? AND user_id = ? LIMIT 1")
    .bind(id, userId)
    .first();
  return found !== null;
}
