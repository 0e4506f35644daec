/** A passkey as the database has it. */
export interface StoredPasskey {
  /** The credential's id, base64url. */
  id: string;
  userId: string;
  name: string;
  /** COSE key, base64url. */
  publicKey: string;
  counter: number;
  transports: string[];
  createdAt: number;
  lastUsedAt: number | null;
}

/** Most passkeys of one person. */
export const MOST_PASSKEYS = 20;

const SELECT = `
  SELECT passkey.id, user_id AS userId, passkey.name, public_key AS publicKey, counter, transports, created_at AS createdAt,
         last_used_at AS lastUsedAt FROM passkey`;

type Row = Omit<StoredPasskey, "transports"> & { transports: string };

/** A person's passkeys, oldest first. */
export async function listPasskeys(database: D1Database, userId: string): Promise<StoredPasskey[]> {
  const { results } = await database
    .prepare(`${SELECT} WHERE user_id = ? ORDER BY created_at, passkey.id LIMIT ${MOST_PASSKEYS}`)
    .bind(userId)
    .all<Row>();
  return results.map(toPasskey);
}

/** The passkey with this id of a person who is active; `null` for any other. */
export async function findPasskey(database: D1Database, id: string): Promise<StoredPasskey | null> {
  const row = await database
    .prepare(
      `${SELECT} JOIN "user" AS person ON person."id" = user_id AND person."disabled" = 0 WHERE passkey.id = ?`,
    )
    .bind(id)
    .first<Row>();
  return row && toPasskey(row);
}

/** Whether a person has a passkey. */
export async function hasPasskey(database: D1Database, userId: string): Promise<boolean> {
  return (
    (await database.prepare("SELECT 1 FROM passkey WHERE user_id = ? LIMIT 1").bind(userId).first()) !== null
  );
}

/** Adds a passkey. `false` when the id is taken, or the person has the most already. */
export async function addPasskey(
  database: D1Database,
  { id, userId, name, publicKey, counter, transports }: Omit<StoredPasskey, "createdAt" | "lastUsedAt">,
): Promise<boolean> {
  const result = await database
    .prepare(
      `INSERT OR IGNORE INTO passkey (id, user_id, name, public_key, counter, transports, created_at)
       SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7 WHERE (SELECT count(*) FROM passkey WHERE user_id = ?2) < ${MOST_PASSKEYS}`,
    )
    .bind(id, userId, name, publicKey, counter, JSON.stringify(transports), Date.now())
    .run();
  return result.meta.changes > 0;
}

/** Notes a use. */
export async function notePasskeyUse(database: D1Database, id: string, counter: number): Promise<void> {
  await database
    .prepare("UPDATE passkey SET counter = ?, last_used_at = ? WHERE id = ?")
    .bind(counter, Date.now(), id)
    .run();
}

/** Notes that a browser's session has given a second factor now. */
export async function noteFactorOf(database: D1Database, sessionId: string): Promise<void> {
  await database.prepare(`UPDATE "session" SET "mfaAt" = ? WHERE "id" = ?`).bind(Date.now(), sessionId).run();
}

/**
 * Removes a person's passkey. `false` for any other id, also for that of another person's.
 *
 * @param keepLast - leave the last one; in one statement, so that two requests at the same time leave it too
 */
export async function removePasskey(
  database: D1Database,
  userId: string,
  id: string,
  keepLast: boolean,
): Promise<boolean> {
  const result = await database
    .prepare(
      `DELETE FROM passkey WHERE id = ?1 AND user_id = ?2
          AND (?3 = 0 OR (SELECT count(*) FROM passkey WHERE user_id = ?2) > 1)`,
    )
    .bind(id, userId, keepLast ? 1 : 0)
    .run();
  return result.meta.changes > 0;
}

function toPasskey({ transports, ...row }: Row): StoredPasskey {
  return { ...row, transports: JSON.parse(transports) as string[] };
}
