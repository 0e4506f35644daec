/** Most drafts that are open at the same time. */
const MOST_DRAFTS = 50;

/** A draft of the policy. Times are milliseconds since the epoch. */
export interface Draft {
  id: string;
  /** YAML, as its authors wrote it. */
  text: string;
  /** The published version that it is, while it is unchanged. */
  restores: number | null;
  /** The publication in force that its authors have compared it with. */
  base: number;
  /** Counts its changes: who saves or publishes names the one that they have seen. */
  revision: number;
  /** Ids of everyone who wrote in it. */
  authors: readonly string[];
  createdAt: number;
  changedAt: number;
}

type Row = Omit<Draft, "authors"> & { authors: string };

const COLUMNS = `id, text, restores, base, revision, authors, created_at AS createdAt, changed_at AS changedAt`;

/** The open drafts, the newest change first. */
export async function listDrafts(database: D1Database): Promise<Draft[]> {
  const sql = `SELECT ${COLUMNS} FROM policy_draft WHERE publication IS NULL ORDER BY changed_at DESC LIMIT ${MOST_DRAFTS}`;
  return (await database.prepare(sql).all<Row>()).results.map(toDraft);
}

/** An open draft; `null` when it was published, removed or never there. */
export async function findDraft(database: D1Database, id: string): Promise<Draft | null> {
  const sql = `SELECT ${COLUMNS} FROM policy_draft WHERE id = ? AND publication IS NULL`;
  const row = await database.prepare(sql).bind(id).first<Row>();
  return row === null ? null : toDraft(row);
}

/** Begins a draft of a published version, on the publication in force. Returns its id; `null` when too many are open. */
export async function beginDraft(
  database: D1Database,
  { text, restores, base, author }: { text: string; restores: number; base: number; author: string },
): Promise<string | null> {
  const id = crypto.randomUUID();
  const { meta } = await database
    .prepare(
      `INSERT INTO policy_draft (id, text, restores, base, revision, authors, created_at, changed_at)
       SELECT ?1, ?2, ?3, ?4, 1, json_array(?5), ?6, ?6
        WHERE (SELECT count(*) FROM policy_draft WHERE publication IS NULL) < ${MOST_DRAFTS}`,
    )
    .bind(id, text, restores, base, author, Date.now())
    .run();
  return meta.changes > 0 ? id : null;
}

/** Replaces the text of a draft as its author has seen it. `false` when it was changed, published or removed since. */
export async function saveDraft(
  database: D1Database,
  { id, revision }: Pick<Draft, "id" | "revision">,
  text: string,
  author: string,
): Promise<boolean> {
  const { meta } = await database
    .prepare(
      `UPDATE policy_draft
          SET text = ?3, restores = NULL, revision = revision + 1, changed_at = ?5,
              authors = iif(EXISTS (SELECT 1 FROM json_each(authors) WHERE value = ?4), authors,
                            json_insert(authors, '$[#]', ?4))
        WHERE id = ?1 AND revision = ?2 AND publication IS NULL`,
    )
    .bind(id, revision, text, author, Date.now())
    .run();
  return meta.changes > 0;
}

/** Notes that a draft was compared with another publication in force. `false` as {@link saveDraft}. */
export async function moveBase(
  database: D1Database,
  { id, revision }: Pick<Draft, "id" | "revision">,
  base: number,
): Promise<boolean> {
  const { meta } = await database
    .prepare(
      "UPDATE policy_draft SET base = ?3, revision = revision + 1 WHERE id = ?1 AND revision = ?2 AND publication IS NULL",
    )
    .bind(id, revision, base)
    .run();
  return meta.changes > 0;
}

/** Removes a draft. `false` as {@link saveDraft}. */
export async function removeDraft(
  database: D1Database,
  { id, revision }: Pick<Draft, "id" | "revision">,
): Promise<boolean> {
  const { meta } = await database
    .prepare("DELETE FROM policy_draft WHERE id = ? AND revision = ? AND publication IS NULL")
    .bind(id, revision)
    .run();
  return meta.changes > 0;
}

/**
 * Keeps a draft as the text of what was put in force. A draft that was changed in the meantime stays open: nothing of the
 * change was published, and the version keeps the text that is made of its document.
 */
export async function closeDraft(
  database: D1Database,
  { id, revision }: Pick<Draft, "id" | "revision">,
  publication: number,
): Promise<void> {
  await database
    .prepare(
      "UPDATE policy_draft SET publication = ?3 WHERE id = ?1 AND revision = ?2 AND publication IS NULL",
    )
    .bind(id, revision, publication)
    .run();
}

/** The text with which a version was written here, comments included; `null` when it came from a file. */
export async function findWrittenText(database: D1Database, version: number): Promise<string | null> {
  return await database
    .prepare(
      `SELECT text FROM policy_draft JOIN policy_publication AS made ON made.id = policy_draft.publication
        WHERE made.version = ? ORDER BY made.id LIMIT 1`,
    )
    .bind(version)
    .first<string>("text");
}

function toDraft({ authors, ...row }: Row): Draft {
  return { ...row, authors: JSON.parse(authors) as string[] };
}
