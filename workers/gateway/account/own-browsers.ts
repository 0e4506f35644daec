import { toDisplayText } from "../../../shared/text/display-text.ts";
import { nameBrowser } from "./name-browser.ts";

/** Most browsers on the page. Signing out everywhere else reaches all. */
const LISTED = 50;
/** Most characters of a `User-Agent` that the page reads, and of a name that it shows. */
const AGENT_LENGTH = 400;
const NAME_LENGTH = 120;

/** A browser on which a person is signed in. */
export interface OwnBrowser {
  /** Id of the session. Not secret: the cookie holds another value. */
  id: string;
  /** Whether it is the browser that asks. */
  current: boolean;
  since: Date;
  ends: Date;
  address: string | null;
  /** Such as «Firefox on macOS»; `null` for a browser without a name. */
  name: string | null;
}

interface Row {
  id: string;
  createdAt: string;
  expiresAt: string;
  ipAddress: string | null;
  userAgent: string | null;
}

/** The browsers on which a person is signed in, the asking one first, then newest first. */
export async function listOwnBrowsers(
  database: D1Database,
  userId: string,
  current: string,
): Promise<OwnBrowser[]> {
  const { results } = await database
    .prepare(
      `SELECT "id", "createdAt", "expiresAt", "ipAddress", "userAgent" FROM "session"
        WHERE "userId" = ?1 AND "expiresAt" > ?2 ORDER BY "id" = ?3 DESC, "createdAt" DESC LIMIT ${LISTED}`,
    )
    .bind(userId, new Date().toISOString(), current)
    .all<Row>();
  return results.map((row) => ({
    id: row.id,
    current: row.id === current,
    since: new Date(row.createdAt),
    ends: new Date(row.expiresAt),
    address: toDisplayText(row.ipAddress ?? "", 45) || null,
    name: toDisplayText(nameBrowser((row.userAgent ?? "").slice(0, AGENT_LENGTH)), NAME_LENGTH) || null,
  }));
}

/** Signs one of the person's browsers out. Nothing happens for another person's. */
export async function signOutBrowser(database: D1Database, userId: string, id: string): Promise<boolean> {
  const result = await database
    .prepare(`DELETE FROM "session" WHERE "id" = ? AND "userId" = ?`)
    .bind(id, userId)
    .run();
  return result.meta.changes > 0;
}

/** Signs the person out on every browser but this one. Returns how many. */
export async function signOutOthers(database: D1Database, userId: string, current: string): Promise<number> {
  const result = await database
    .prepare(`DELETE FROM "session" WHERE "userId" = ? AND "id" <> ?`)
    .bind(userId, current)
    .run();
  return result.meta.changes;
}
