import { isUnmet } from "./change.ts";
import { printDependents, readDependents } from "./dependents.ts";
import type { Stamp } from "./stamp.ts";

/** Number of rows that an erasure removed or changed. */
export interface Erasure {
  contacts: number;
  old_versions: number;
  activities: number;
  tasks: number;
  deals_detached: number;
  undo_images: number;
  idempotency_keys: number;
  /** All kept whole exports, because any of them may contain the person. */
  kept_exports: number;
}

/**
 * Erases people irreversibly: contacts with their old versions, their activities and tasks, their place in
 * deals, the images for undoing deletions and merges, and the keys of the writes that created them. The
 * search index follows its table. All or nothing; nothing, with `null`, when `findTraces` would return
 * something else by now. A company's and a deal's own data stays. `changeIds` are changes that touched these
 * people: they lose all their images, because half a change cannot be undone.
 */
export async function erasePerson(db: D1Database, traces: Traces, stamp: Stamp): Promise<Erasure | null> {
  try {
    return await eraseTraces(db, traces, stamp);
  } catch (failure) {
    if (isUnmet(failure)) return null;
    throw failure;
  }
}

async function eraseTraces(
  db: D1Database,
  { contactId, contactIds, changeIds, print }: Traces,
  stamp: Stamp,
): Promise<Erasure> {
  const contacts = JSON.stringify(contactIds);
  const changes = JSON.stringify(changeIds);
  const these = "(SELECT value FROM json_each(?1))";
  const run = (sql: string, ...values: string[]) => db.prepare(sql).bind(...values);
  const hold = (expression: string, ...values: string[]) =>
    run(`INSERT INTO preconditions SELECT ${expression}`, ...values);
  const checks = [
    hold(`(SELECT json_group_array(id) FROM (${SELECT_CONTACTS})) = ?2`, contactId, contacts),
    hold(`(SELECT json_group_array(id) FROM (${SELECT_CHANGES})) = ?2`, contacts, changes),
    hold(`${printDependents("contact_id")} = ?2`, contacts, print),
    db.prepare("DELETE FROM preconditions WHERE holds = 1"),
  ];
  const all = await db.batch([
    ...checks,
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
    // Freed pages of an index keep the old words until the index is merged.
    db.prepare("INSERT INTO contacts_fts (contacts_fts, rank) VALUES ('merge', -16)"),
    db.prepare("INSERT INTO contacts_names_fts (contacts_names_fts, rank) VALUES ('merge', -16)"),
    db.prepare("INSERT INTO contacts_phones (contacts_phones, rank) VALUES ('merge', -16)"),
  ]);
  const results = all.slice(checks.length);
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

/** Traces of a person: contacts with the e-mail address or id, and changes with an image of them. */
export interface Traces {
  /** The contact at the start of the search. */
  contactId: string;
  /** Sorted. */
  contactIds: string[];
  /** Sorted. */
  changeIds: string[];
  /** Digest of these contacts and their dependents, see `printDependents`. */
  print: string;
}

const MAX_TRACES = 200;

/**
 * Contacts of the person with the contact id ?1. Contacts merged into or out of it are in the same change.
 */
const SELECT_CONTACTS = `
  SELECT ?1 AS id
  UNION SELECT b.id FROM contacts a JOIN contacts b ON b.match_email = a.match_email WHERE a.id = ?1
  UNION SELECT id FROM (
    SELECT DISTINCT o.row_id AS id FROM change_rows r
    JOIN changes c ON c.id = r.change_id AND c.kind = 'merge' AND c.undone_at IS NULL
    JOIN change_rows o ON o.change_id = r.change_id AND o.table_name = 'contacts'
    WHERE r.row_id = ?1 AND r.table_name = 'contacts' ORDER BY o.row_id LIMIT ${MAX_TRACES})
  ORDER BY id`;

/** Changes with an image of one of the contacts in the JSON array ?1. */
const SELECT_CHANGES = `
  SELECT DISTINCT change_id AS id FROM change_rows WHERE person_id IN (SELECT value FROM json_each(?1))
  ORDER BY id LIMIT ${MAX_TRACES}`;

/**
 * Finds every contact and kept image of a person: by the contact's id and, if known, by the e-mail address
 * without its +tag, also among contacts that were deleted or merged within the last 30 days.
 */
export async function findTraces(db: D1Database, contactId: string): Promise<Traces> {
  const found = await db.prepare(SELECT_CONTACTS).bind(contactId).all<{ id: string }>();
  const contactIds = found.results.map(({ id }) => id);
  const kept = await db.prepare(SELECT_CHANGES).bind(JSON.stringify(contactIds)).all<{ id: string }>();
  const changeIds = kept.results.map(({ id }) => id);
  const print = await readDependents(db, "contact_id", contactIds);
  return { contactId, contactIds, changeIds, print };
}
