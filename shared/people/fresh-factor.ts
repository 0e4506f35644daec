/**
 * When a person last gave a second factor for one of their apps while it was in use, in milliseconds since the epoch;
 * `null` for never.
 */
export async function readFreshFactor(
  database: D1Database,
  userId: string,
  grantId: string,
): Promise<number | null> {
  const row = await database
    .prepare("SELECT mfa_at FROM fresh_factor WHERE user_id = ? AND grant_id = ?")
    .bind(userId, grantId)
    .first<{ mfa_at: number }>();
  return row?.mfa_at ?? null;
}

/** Gives an app the second factor that its person has just given on a page. */
export async function giveFreshFactor(
  database: D1Database,
  { userId, grantId, mfaAt }: { userId: string; grantId: string; mfaAt: number },
): Promise<void> {
  await database
    .prepare(
      `INSERT INTO fresh_factor (user_id, grant_id, mfa_at) VALUES (?1, ?2, ?3)
       ON CONFLICT (user_id, grant_id) DO UPDATE SET mfa_at = max(mfa_at, ?3)`,
    )
    .bind(userId, grantId, mfaAt)
    .run();
}

/** Deletes factors of before `before`, at most `limit`. Returns their number. */
export async function removeOldFactors(database: D1Database, before: number, limit: number): Promise<number> {
  const result = await database
    .prepare(
      `DELETE FROM fresh_factor WHERE (user_id, grant_id) IN (
         SELECT user_id, grant_id FROM fresh_factor WHERE mfa_at < ? ORDER BY mfa_at LIMIT ?)`,
    )
    .bind(before, limit)
    .run();
  return result.meta.changes;
}
