/** The role that reads and writes every collection, so that no collection can be locked for good. */
export const ADMIN_ROLE = "admin";

/** What a role may do with the collections. Ids are row ids. */
export interface CollectionAccess {
  /** Collections that must not show in any answer. */
  hidden: readonly number[];
  canRead(collectionId: number): boolean;
  canWrite(collectionId: number): boolean;
}

/** Where a question may look: row ids of collections. `only` narrows, `hidden` is never looked at. */
export interface CollectionScope {
  only?: number | undefined;
  hidden: readonly number[];
}

interface AccessRow {
  id: number;
  readers: string | null;
  writers: string | null;
}

/** Reads which collections a role may read and write. Only restricted ones are read: at most 200 rows. */
export async function readAccess(db: D1Database, role: string): Promise<CollectionAccess> {
  if (role === ADMIN_ROLE) return { hidden: [], canRead: () => true, canWrite: () => true };
  const { results } = await db
    .prepare("SELECT id, readers, writers FROM collections WHERE readers IS NOT NULL OR writers IS NOT NULL")
    .all<AccessRow>();
  const hidden = new Set(results.filter(({ readers }) => !names(readers, role)).map(({ id }) => id));
  const closed = new Set(results.filter(({ writers }) => !names(writers, role)).map(({ id }) => id));
  return {
    hidden: [...hidden],
    canRead: (id) => !hidden.has(id),
    // Who may not read a collection does not write to it either.
    canWrite: (id) => !hidden.has(id) && !closed.has(id),
  };
}

/** Which roles a collection is open to; `null` for every role. */
export interface CollectionRoles {
  readers: readonly string[] | null;
  writers: readonly string[] | null;
}

/** Writes who may read and write a collection. */
export async function writeAccess(
  db: D1Database,
  collectionId: number,
  { readers, writers }: CollectionRoles,
): Promise<void> {
  await db
    .prepare("UPDATE collections SET readers = ?2, writers = ?3 WHERE id = ?1")
    .bind(collectionId, readers && JSON.stringify(readers), writers && JSON.stringify(writers))
    .run();
}

/** `null` opens a collection to every role. What cannot be read as a list opens it to none. */
function names(list: string | null, role: string): boolean {
  if (list === null) return true;
  try {
    const roles: unknown = JSON.parse(list);
    return Array.isArray(roles) && roles.includes(role);
  } catch {
    return false;
  }
}
