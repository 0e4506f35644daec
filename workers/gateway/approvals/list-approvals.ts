import type { ApprovalState } from "../../../shared/objects/approval-gate.ts";

/** Entries per page of a list. */
const PAGE_SIZE = 20;

/** Milliseconds after its end that a request stays in the lists. */
const KEPT_MS = 30 * 24 * 60 * 60_000;

/** A request as the lists show it. Times are milliseconds since the epoch. */
export interface ListedApproval {
  id: string;
  requester: string;
  requesterName: string;
  tool: string;
  state: ApprovalState;
  askedAt: number;
  expiresAt: number;
}

/** One page of a list, newest first. `next` leads to the next page: `<time>.<id>` of the last entry. */
export interface ApprovalPage {
  items: ListedApproval[];
  next: string | null;
}

type Row = {
  id: string;
  requester: string;
  name: string;
  tool: string;
  state: ApprovalState;
  asked_at: number;
  expires_at: number;
};

const SELECT = `
  SELECT approval.id, requester, person."name", tool, state, asked_at, expires_at
    FROM approval JOIN "user" AS person ON person."id" = requester AND person."disabled" = 0`;
const PAGE = `AND (asked_at, approval.id) < (?1, ?2) ORDER BY asked_at DESC, approval.id DESC LIMIT ${PAGE_SIZE + 1}`;

/**
 * Undecided requests of other users for these tools, except of teams whose member the user is.
 *
 * @param requester - id of the one user whose requests are listed; empty for everyone's
 */
export function listWaiting(
  database: D1Database,
  person: string,
  tools: readonly string[],
  now: number,
  cursor?: string,
  requester = "",
): Promise<ApprovalPage> {
  const where = `WHERE state = 'pending' AND expires_at > ?3 AND requester <> ?4
                   AND NOT EXISTS (SELECT 1 FROM team_belonging WHERE team_id = requester AND user_id = ?4)
                   AND tool IN (SELECT value FROM json_each(?5)) AND (?6 = '' OR requester = ?6) ${PAGE}`;
  return readPage(database, where, cursor, now, [now, person, JSON.stringify(tools), requester]);
}

/** Requests of the user's own apps, in any state. */
export function listOwn(
  database: D1Database,
  person: string,
  now: number,
  cursor?: string,
): Promise<ApprovalPage> {
  return readPage(database, `WHERE requester = ?3 ${PAGE}`, cursor, now, [person]);
}

/** Deletes requests that ended long ago, at most `limit`. Returns their number. */
export async function removeEndedApprovals(
  database: D1Database,
  now: number,
  limit: number,
): Promise<number> {
  const result = await database
    .prepare(
      `DELETE FROM approval WHERE id IN (
         SELECT id FROM approval WHERE state NOT IN ('pending', 'approved') AND touched_at <= ? ORDER BY touched_at LIMIT ?)`,
    )
    .bind(now - KEPT_MS, limit)
    .run();
  return result.meta.changes;
}

async function readPage(
  database: D1Database,
  where: string,
  cursor: string | undefined,
  now: number,
  bindings: (string | number)[],
): Promise<ApprovalPage> {
  const [, at, id] = /^(\d{1,15})\.([\w-]{1,64})$/.exec(cursor ?? "") ?? [];
  const { results } = await database
    .prepare(`${SELECT} ${where}`)
    .bind(at === undefined ? Number.MAX_SAFE_INTEGER : Number(at), id ?? "", ...bindings)
    .all<Row>();
  const items = results.slice(0, PAGE_SIZE).map((row) => toListed(row, now));
  const last = items.at(-1);
  const next = results.length > PAGE_SIZE && last ? `${last.askedAt}.${last.id}` : null;
  return { items, next };
}

/** The list may be slightly late, so expiry is computed from the clock. */
function toListed({ name, asked_at, expires_at, ...row }: Row, now: number): ListedApproval {
  const over = (row.state === "pending" || row.state === "approved") && expires_at <= now;
  const state = over ? "expired" : row.state;
  return { ...row, state, requesterName: name, askedAt: asked_at, expiresAt: expires_at };
}
