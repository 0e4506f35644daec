import type { Stamp } from "./stamp.ts";

/** What an erasure removed or changed, in rows. */
export interface Erasure {
  contacts: number;
  old_versions: number;
  activities: number;
  tasks: number;
  deals_detached: number;
  undo_images: number;
  idempotency_keys: number;
  /** Whole exports that were kept: any of them may hold the person. */
  kept_exports: number;
}

/**
 * Removes people for good: contacts with their old versions, what was said to and of them, their tasks, their place
 * in deals, the images from which deletions and merges could be undone, and the keys of the writes that made them.
 * The search index follows its table. All or nothing; the ids must be of contacts that were found by `findTraces`.
 * A company's and a deal's own data stays. `changeIds` are changes that touched these people: they lose their images
 * as a whole, because half a change cannot be undone.
 */
export async function erasePerson(
  db: D1Database,
  contactIds: readonly string[],
  changeIds: readonly string[],
  stamp: Stamp,
): Promise<Erasure> {
  const contacts = JSON.stringify(contactIds);
  const changes = JSON.stringify(changeIds);
  const these = "(SELECT value FROM json_each(?1))";
  const run = (sql: string, ...values: string[]) => db.prepare(sql).bind(...values);
  const results = await db.batch([
    run(`DELETE FROM record_versions WHERE record_id IN ${these}`, contacts),
    run(`DELETE FROM activities INDEXED BY activities_by_contact WHERE contact_id IN ${these}`, contacts),
    run(`DELETE FROM tasks INDEXED BY tasks_by_contact WHERE contact_id IN ${these}`, contacts),
    run(
      `UPDATE deals SET contact_id = NULL, version = version + 1, updated_at = ?2, updated_by = ?3,
         updated_by_name = ?4 WHERE contact_id IN ${these}`,
      contacts,
      stamp.at,
      stamp.userId,
      stamp.name,
    ),
    run(`DELETE FROM change_rows WHERE change_id IN ${these}`, changes),
    run(`DELETE FROM changes WHERE id IN ${these}`, changes),
    run(`DELETE FROM idempotency_keys WHERE entity_id IN ${these}`, contacts),
    run(`DELETE FROM contacts WHERE id IN ${these} RETURNING id`, contacts),
    run("DELETE FROM kept_exports WHERE made_at <= ? RETURNING id", stamp.at),
    // Freed pages of an index keep the old words until it is merged.
    db.prepare("INSERT INTO contacts_fts (contacts_fts, rank) VALUES ('merge', -16)"),
    db.prepare("INSERT INTO contacts_names_fts (contacts_names_fts, rank) VALUES ('merge', -16)"),
    db.prepare("INSERT INTO contacts_phones (contacts_phones, rank) VALUES ('merge', -16)"),
  ]);
  const changed = (at: number) => results[at]?.meta.changes ?? 0;
  return {
    contacts: results[7]?.results.length ?? 0,
    old_versions: changed(0),
    activities: changed(1),
    tasks: changed(2),
    deals_detached: changed(3),
    undo_images: changed(4),
    idempotency_keys: changed(6),
    kept_exports: results[8]?.results.length ?? 0,
  };
}

/** Where a person is found: contacts with the e-mail address or id, and changes that hold an image of them. */
export interface Traces {
  contactIds: string[];
  changeIds: string[];
}

const MAX_TRACES = 200;

/**
 * Finds every contact and kept image of a person: by the contact's id and, where one is known, by the e-mail address
 * without its +tag, also among contacts that were deleted or merged within the last 30 days.
 */
export async function findTraces(db: D1Database, contactId: string): Promise<Traces> {
  const [found, merged] = await db.batch<{ id: string }>([
    db
      .prepare(
        `SELECT b.id FROM contacts a JOIN contacts b ON b.match_email = a.match_email WHERE a.id = ?1
         UNION SELECT id FROM contacts WHERE id = ?1`,
      )
      .bind(contactId),
    // Who was merged into or out of this contact stands in the same change.
    db
      .prepare(
        `SELECT DISTINCT o.row_id AS id FROM change_rows r
         JOIN changes c ON c.id = r.change_id AND c.kind = 'merge' AND c.undone_at IS NULL
         JOIN change_rows o ON o.change_id = r.change_id AND o.table_name = 'contacts'
         WHERE r.row_id = ? AND r.table_name = 'contacts' LIMIT ${MAX_TRACES}`,
      )
      .bind(contactId),
  ]);
  const others = [...(found?.results ?? []), ...(merged?.results ?? [])].map(({ id }) => id);
  const contactIds = [...new Set([contactId, ...others])];
  const { results } = await db
    .prepare(
      `SELECT DISTINCT change_id AS id FROM change_rows
       WHERE person_id IN (SELECT value FROM json_each(?)) LIMIT ${MAX_TRACES}`,
    )
    .bind(JSON.stringify(contactIds))
    .all<{ id: string }>();
  return { contactIds, changeIds: results.map(({ id }) => id) };
}
