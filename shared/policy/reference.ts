/** What is in force: a version of the policy, and revisions of the catalogues that are data. */
export interface PolicyReference {
  /** Counts publications from 1 and only grows; 0 as long as nothing was ever published. */
  publication: number;
  /** 1 for the policy that came with the deployment. */
  version: number;
  /** SHA-256 of the version's document, 64 hex digits; `null` for version 1. */
  digest: string | null;
  /** SHA-256 of the set of catalogue revisions, 64 hex digits; `null` when no server has published definitions. */
  catalogues: string | null;
}

/** The header in which the Worker tells a session's object which publication its request was decided by. */
export const PUBLICATION_HEADER = "gatehouse-publication";

/** As long as nothing was published, the policy that came with the deployment is in force. */
const NOTHING_PUBLISHED: PolicyReference = { publication: 0, version: 1, digest: null, catalogues: null };

/** Publications that are looked at to find one that can be used. */
const LOOK_BACK = 5;

/** Publications, newest first; the first is in force. */
const PUBLICATIONS =
  "SELECT id AS publication, version, digest, catalogues FROM policy_publication ORDER BY id DESC LIMIT";

/** Asks what is in force, in one row or none; see {@link toReference}. */
export const READ_REFERENCE = `${PUBLICATIONS} 1`;

/** What {@link READ_REFERENCE} answered. */
export function toReference(row: PolicyReference | null | undefined): PolicyReference {
  return row ?? NOTHING_PUBLISHED;
}

/** Reads what is in force. */
export async function readReference(database: D1Database): Promise<PolicyReference> {
  return toReference(await database.prepare(READ_REFERENCE).first<PolicyReference>());
}

/** Reads what was put in force last, newest first. */
export async function readHistory(database: D1Database): Promise<PolicyReference[]> {
  return (await database.prepare(`${PUBLICATIONS} ${LOOK_BACK}`).all<PolicyReference>()).results;
}
