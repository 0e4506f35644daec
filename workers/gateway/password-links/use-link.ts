import { hashPassword } from "better-auth/crypto";
import { digestText } from "../../../shared/encoding/canonical-json.ts";
import type { LinkKind } from "../../../shared/people/password-links.ts";
import { roleHoldsRight } from "../../../shared/policy/console.ts";
import { policyInForce } from "../../../shared/policy/current.ts";

/** A link that works, and whose it is. */
export interface OpenLink {
  userId: string;
  email: string;
  name: string;
  kind: LinkKind;
}

/** An active person's link that has not ended. One that a page showed to another person counts while that person is active. */
const VALID = `
  FROM password_link JOIN "user" AS person ON person."id" = user_id AND person."disabled" = 0
  LEFT JOIN "user" AS reader ON reader."id" = shown_to AND reader."disabled" = 0
 WHERE digest = ?1 AND ends_at > ?2 AND (shown_to IS NULL OR reader."id" IS NOT NULL)`;

/**
 * The link with this token. `null` for one that was used, has ended or never was, for a disabled person, and for one that a
 * page showed to a person who may give none any more: the page says the same of all.
 */
export async function readLink(env: Env, token: string): Promise<OpenLink | null> {
  if (!/^[0-9a-f]{64}$/.test(token)) return null;
  const found = await env.PLATFORM_DB.prepare(
    `SELECT user_id AS userId, person."email", person."name", kind, reader."role" AS shownTo ${VALID}`,
  )
    .bind(digestText(token), Date.now())
    .first<OpenLink & { shownTo: string | null }>();
  if (found === null) return null;
  const { shownTo, ...link } = found;
  const counts = shownTo === null || roleHoldsRight(await policyInForce(env), shownTo, "people");
  return counts ? link : null;
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
