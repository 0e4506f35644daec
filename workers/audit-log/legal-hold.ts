/**
 * SQL: whether a hold covers the user that `user` names, a column or a parameter. Does not cover the policy's
 * hold.
 */
export function isHeldSql(user: string): string {
  return `EXISTS (SELECT 1 FROM legal_hold AS hold
    WHERE hold.released_at IS NULL AND (hold.user_id IS NULL OR hold.user_id = ${user}))`;
}

/** Whether a person, or every person, is under a hold that an administrator set. */
export async function isHeld(database: D1Database, userId: string): Promise<boolean> {
  const row = await database
    .prepare(`SELECT ${isHeldSql("?1")} AS held`)
    .bind(userId)
    .first<{ held: number }>();
  return row?.held === 1;
}
