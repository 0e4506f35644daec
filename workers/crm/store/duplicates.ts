import { foldPending } from "../search/fold-pending.ts";
import type { Change } from "./change.ts";
import { keepContactVersion } from "./contacts.ts";
import type { Stamp } from "./stamp.ts";

/** The key that two entries share. */
export type DuplicateKey = "email" | "phone" | "name";

/** Two contacts that share a key; `one` was created first. */
export interface DuplicatePair {
  key: DuplicateKey;
  one: string;
  other: string;
  one_first: string;
  other_first: string;
  one_last: string;
  other_last: string;
}

/** Fields of a contact that a merge decides about. */
export interface MergedFields {
  title: string | null;
  email: string | null;
  phone: string | null;
  company_id: string | null;
  owner_id: string | null;
  last_activity_at: string | null;
}

const KEYS = ["email", "phone", "name"] as const satisfies readonly DuplicateKey[];
/** Two different full numbers are different, even if their last digits are equal. */
const CONFIRMED: Readonly<Record<DuplicateKey, string>> = {
  email: "",
  phone: " AND (a.e164 IS NULL OR b.e164 IS NULL OR a.e164 = b.e164)",
  name: "",
};
const WINDOW = 250;
/** Maximum rows folded before a comparison. */
const FOLDED_FIRST = 2_000;
const MAX_PAIRS = 60;

/**
 * Pairs that share a key with one contact, or within the next 250 contacts after `afterSeq`. Returns the
 * `seq` to continue from, or `undefined` at the end. Reads a limited number of rows: the window, and at most
 * 60 pairs per key.
 */
export async function findDuplicates(
  db: D1Database,
  from: { contactId: string } | { afterSeq: number },
): Promise<{ pairs: DuplicatePair[]; next: number | undefined }> {
  await foldPending(db, "contacts", FOLDED_FIRST);
  const single = "contactId" in from;
  const source = single
    ? "SELECT * FROM contacts WHERE id = ?"
    : `SELECT * FROM contacts WHERE seq > ? ORDER BY seq LIMIT ${WINDOW}`;
  const start = single ? from.contactId : from.afterSeq;
  // For one contact, pairs on both sides count; in a window, each pair counts at its first contact.
  const order = single ? "b.seq <> a.seq" : "b.seq > a.seq";
  const [end, ...found] = await db.batch([
    db.prepare(`SELECT max(seq) AS last, count(*) AS seen FROM (SELECT seq FROM (${source}))`).bind(start),
    ...KEYS.map((key) =>
      db
        .prepare(
          `SELECT '${key}' AS key, a.id AS one, b.id AS other, a.first_name AS one_first,
             b.first_name AS other_first, a.last_name AS one_last, b.last_name AS other_last
           FROM (${source}) a CROSS JOIN contacts b ON b.match_${key} = a.match_${key} AND ${order}${CONFIRMED[key]}
           LIMIT ${MAX_PAIRS}`,
        )
        .bind(start),
    ),
  ]);
  const { last, seen } = (end?.results[0] ?? { last: null, seen: 0 }) as {
    last: number | null;
    seen: number;
  };
  return {
    pairs: found.flatMap(({ results }) => results as DuplicatePair[]),
    next: single || last === null || seen < WINDOW ? undefined : last,
  };
}

/** Merges one contact into another: all dependents of `duplicate` move to `kept`, which gets `fields`. */
export function mergeContacts(
  change: Change,
  kept: string,
  duplicate: string,
  fields: MergedFields,
  stamp: Stamp,
): Change {
  const version = keepContactVersion(kept, stamp);
  return change
    .keep("contacts", "id IN (?, ?)", kept, duplicate)
    .keep("deals", "contact_id = ?", duplicate)
    .keep("activities", "contact_id = ?", duplicate)
    .keep("tasks", "contact_id = ?", duplicate)
    .step(version.sql, ...version.values)
    .step("UPDATE deals SET contact_id = ? WHERE contact_id = ?", kept, duplicate)
    .step("UPDATE activities SET contact_id = ? WHERE contact_id = ?", kept, duplicate)
    .step("UPDATE tasks SET contact_id = ? WHERE contact_id = ?", kept, duplicate)
    .step("DELETE FROM contacts WHERE id = ?", duplicate)
    .step(
      `UPDATE contacts SET title = ?, email = ?, phone = ?, company_id = ?, owner_id = ?, last_activity_at = ?,
         version = version + 1, updated_at = ?, updated_by = ?, updated_by_name = ? WHERE id = ?`,
      fields.title,
      fields.email,
      fields.phone,
      fields.company_id,
      fields.owner_id,
      fields.last_activity_at,
      stamp.at,
      stamp.userId,
      stamp.name,
      kept,
    );
}
