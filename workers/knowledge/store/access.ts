/** The role that reads and writes every collection, so that no collection becomes inaccessible. */
export const ADMIN_ROLE = "admin";

/** Access of a role to collections. Ids are row ids. */
export interface CollectionAccess {
  /** Collections that must not appear in any answer. */
  hidden: readonly number[];
  canRead(collectionId: number): boolean;
  canWrite(collectionId: number): boolean;
}

/** Scope of a query: row ids of collections. `only` narrows, `hidden` is always excluded. */
export interface CollectionScope {
  only?: number | undefined;
  hidden: readonly number[];
}

interface AccessRow {
  id: number;
  readers: string | null;
  writers: string | null;
}

/** Reads the collections that a role can read and write. Reads restricted ones only: at most 200 rows. */
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
    // Write access requires read access.
    canWrite: (id) => !hidden.has(id) && !closed.has(id),
  };
}

/** Roles with access to a collection; `null` for every role. */
export interface CollectionRoles {
  readers: readonly string[] | null;
  writers: readonly string[] | null;
}

/** Stores the roles that can read and write a collection. */
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

/** `null` grants access to every role. An invalid list grants it to none. */
function names(list: string | null, role: string): boolean {
  if (list === null) return true;
  try {
    const roles: unknown = JSON.parse(list);
    return Array.isArray(roles) && roles.includes(role);
  } catch {
    return false;
  }
}
