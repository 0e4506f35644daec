import { hashPassword } from "better-auth/crypto";
import { digestText } from "../../../shared/encoding/canonical-json.ts";
import type { LinkKind } from "../../../shared/people/password-links.ts";

/** A link that works, and whose it is. */
export interface OpenLink {
  userId: string;
  email: string;
  name: string;
  kind: LinkKind;
}

/** An active person's link that has not ended. */
const VALID = `
  FROM password_link JOIN "user" AS person ON person."id" = user_id AND person."disabled" = 0
 WHERE digest = ?1 AND ends_at > ?2`;

/**
 * The link with this token. `null` for one that was used, has ended or never was, and for a disabled person: the page
 * says the same of all.
 */
export async function readLink(database: D1Database, token: string): Promise<OpenLink | null> {
  if (!/^[0-9a-f]{64}$/.test(token)) return null;
  return await database
    .prepare(`SELECT user_id AS userId, person."email", person."name", kind ${VALID}`)
    .bind(digestText(token), Date.now())
    .first<OpenLink>();
}

/**
 * Sets the person's password, ends their sign-ins on every browser and all of their links, in one transaction. `false`
 * when the link was used or ended meanwhile. The second factor stays: a person who has one needs it to sign in.
 */
export async function useLink(database: D1Database, token: string, password: string): Promise<boolean> {
  const hash = await hashPassword(password);
  const [digest, now] = [digestText(token), Date.now()];
  const owner = `(SELECT user_id ${VALID})`;
  const [, set] = await database.batch([
    database.prepare(`DELETE FROM "session" WHERE "userId" = ${owner}`).bind(digest, now),
    // A trigger ends the links of whose password changes, so this comes last.
    database
      .prepare(
        `UPDATE "account" SET "password" = ?3, "updatedAt" = ?4
          WHERE "providerId" = 'credential' AND "userId" = ${owner} RETURNING 1`,
      )
      .bind(digest, now, hash, new Date(now).toISOString()),
  ]);
  return (set?.results.length ?? 0) > 0;
}

/** Deletes links that have ended, at most `limit`. Returns their number. */
export async function removeEndedLinks(database: D1Database, now: number, limit: number): Promise<number> {
  const result = await database
    .prepare(
      "DELETE FROM password_link WHERE digest IN (SELECT digest FROM password_link WHERE ends_at <= ? ORDER BY ends_at LIMIT ?)",
    )
    .bind(now, limit)
    .run();
  return result.meta.changes;
}
