import { quoteText } from "../../../../shared/encoding/quote-text.ts";
import { MOST_TRIES } from "../../../../shared/people/admin-requests.ts";
import { NOT_MAILED } from "../../../../shared/people/password-links.ts";

/** People on one page of the list. */
const PAGE_SIZE = 25;

/** A person as the console shows them. */
export interface ListedPerson {
  id: string;
  email: string;
  name: string;
  role: string;
  disabled: boolean;
  /** What the person signs in with, in words; none for a person who has not come in yet. */
  ways: string[];
  /** Whether the person has an authenticator app. */
  hasApp: boolean;
  /** Number of active members of a team; `null` for a person. */
  members: number | null;
  /** Why the newest message with a link was not sent in the end; `null` where none is missing. */
  unsent: string | null;
}

type Row = Omit<ListedPerson, "disabled" | "hasApp" | "ways"> & {
  disabled: number;
  twoFactorEnabled: number;
  ways: string;
};

const WAYS = `SELECT json_group_array(way) FROM (
  SELECT 'a password' AS way WHERE EXISTS (SELECT 1 FROM "account"
    WHERE "userId" = "user"."id" AND "providerId" = 'credential' AND "password" IS NOT NULL)
  UNION ALL SELECT 'a passkey' WHERE EXISTS (SELECT 1 FROM passkey WHERE user_id = "user"."id")
  UNION ALL SELECT 'single sign-on' WHERE EXISTS (SELECT 1 FROM federated_identity WHERE user_id = "user"."id"))`;
// A request that was tried too often stays open. Who has a password needs no invitation any more.
const UNSENT = `SELECT CASE WHEN (iif(done_at IS NULL, tries >= ${MOST_TRIES}, outcome ->> 'sent' = 0))
    AND ifnull(outcome ->> 'why', '') NOT IN (${[NOT_MAILED.withdrawn, NOT_MAILED.needless].map(quoteText).join(", ")})
    AND (detail ->> 'kind' = 'reset' OR NOT EXISTS (SELECT 1 FROM "account"
      WHERE "userId" = "user"."id" AND "providerId" = 'credential' AND "password" IS NOT NULL))
  THEN ifnull(outcome ->> 'why', 'It could not be made.') END
  FROM admin_request WHERE kind = 'link_mail' AND user_id = "user"."id" ORDER BY id DESC LIMIT 1`;
const SELECT = `SELECT "id", "email", "name", "role", "disabled", "twoFactorEnabled", (${WAYS}) AS ways, (${UNSENT}) AS unsent,
  (SELECT (SELECT count(DISTINCT user_id) FROM team_holder WHERE team_id = id) FROM team WHERE id = "user"."id") AS members FROM "user"`;

// The cursor is an id, so that no address stands in a link.
const PAGE = `${SELECT}
  WHERE "email" > ifnull((SELECT "email" FROM "user" WHERE "id" = ?1), '') AND instr("email", ?2) > 0
  ORDER BY "email" LIMIT ${PAGE_SIZE + 1}`;

/**
 * One page of people, in the order of their addresses; `next` is the id to go on after, or `null` at the end.
 *
 * @param search - a part of the address; empty for everyone
 * @param after - id of the last person of the page before; empty for the first page
 */
export async function listPeople(
  database: D1Database,
  search: string,
  after: string,
): Promise<{ people: ListedPerson[]; next: string | null }> {
  const { results } = await database.prepare(PAGE).bind(after, search.toLowerCase()).all<Row>();
  const people = results.slice(0, PAGE_SIZE).map(toListed);
  return { people, next: results.length > PAGE_SIZE ? (people.at(-1)?.id ?? null) : null };
}

/** One person, disabled or not; `null` when there is none with this id. */
export async function findListed(database: D1Database, id: string): Promise<ListedPerson | null> {
  const row = await database.prepare(`${SELECT} WHERE "id" = ?`).bind(id).first<Row>();
  return row && toListed(row);
}

/** When a person's link that was not used ends, in milliseconds since the epoch; `null` for none. */
export async function findOpenLink(database: D1Database, id: string): Promise<number | null> {
  const row = await database
    .prepare("SELECT ends_at AS ends FROM password_link WHERE user_id = ? AND ends_at > ?")
    .bind(id, Date.now())
    .first<{ ends: number }>();
  return row?.ends ?? null;
}

function toListed({ disabled, twoFactorEnabled, ways, ...person }: Row): ListedPerson {
  return {
    ...person,
    disabled: disabled === 1,
    hasApp: twoFactorEnabled === 1,
    ways: JSON.parse(ways) as string[],
  };
}
