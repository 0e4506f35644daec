/** Reference to what is in force: a version of the policy, and the revisions of published catalogues. */
export interface PolicyReference {
  /** Publication number, from 1 and only growing; 0 before the first publication. */
  publication: number;
  /** 1 for the bundled policy. */
  version: number;
  /** SHA-256 of the version's document, 64 hex digits; `null` for version 1. */
  digest: string | null;
  /**
   * SHA-256 of the set of catalogue revisions, 64 hex digits; `null` if no server has published definitions.
   */
  catalogues: string | null;
}

/** Header in which the Worker tells a session's object the publication that decided its request. */
export const PUBLICATION_HEADER = "gatehouse-publication";

/** The bundled policy is in force until the first publication. */
const NOTHING_PUBLISHED: PolicyReference = { publication: 0, version: 1, digest: null, catalogues: null };

/** Number of publications that are searched for a usable one. */
const LOOK_BACK = 5;

/** Publications, newest first; the first is in force. */
const PUBLICATIONS =
  "SELECT id AS publication, version, digest, catalogues FROM policy_publication ORDER BY id DESC LIMIT";

/** SQL that reads the publication in force, in one row or none; see {@link toReference}. */
export const READ_REFERENCE = `${PUBLICATIONS} 1`;

/** Converts the result of {@link READ_REFERENCE}. */
export function toReference(row: PolicyReference | null | undefined): PolicyReference {
  return row ?? NOTHING_PUBLISHED;
}

/** Reads the publication in force. */
export async function readReference(database: D1Database): Promise<PolicyReference> {
  return toReference(await database.prepare(READ_REFERENCE).first<PolicyReference>());
}

/** Reads the newest publications, newest first. */
export async function readHistory(database: D1Database): Promise<PolicyReference[]> {
  return (await database.prepare(`${PUBLICATIONS} ${LOOK_BACK}`).all<PolicyReference>()).results;
}
