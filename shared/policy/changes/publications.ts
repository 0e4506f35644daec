import { canonicalize, digestText } from "../../encoding/canonical-json.ts";
import { quoteText } from "../../encoding/quote-text.ts";

/**
 * SQL for publishing, as text: `wrangler d1 execute` takes no bound values. Texts go through {@link
 * quoteText}, numbers are numbers.
 */

/** State of the database before a publication. */
export const READ_STATE = `
  SELECT coalesce(max(id), 0) AS publication, (SELECT coalesce(max(number), 1) FROM policy_version) AS newest,
         coalesce((SELECT version FROM policy_publication ORDER BY id DESC LIMIT 1), 1) AS version,
         (SELECT digest FROM policy_publication ORDER BY id DESC LIMIT 1) AS digest
    FROM policy_publication;`;

/** Publications, newest first. */
export const LIST_PUBLICATIONS =
  "SELECT id, version, digest, catalogues, at, by, note FROM policy_publication ORDER BY id DESC LIMIT 200;";

/** Roles of users who may sign in, with the number of users. */
export const COUNT_ROLES = `SELECT "role", count(*) AS people FROM "user" WHERE "disabled" = 0 GROUP BY "role";`;

/** A publication by its number. */
export function readPublication(id: number): string {
  return `SELECT id, version FROM policy_publication WHERE id = ${Math.trunc(id)};`;
}

/** The document of a version. */
export function readVersion(number: number): string {
  return `SELECT document, digest FROM policy_version WHERE number = ${Math.trunc(number)};`;
}

/** A publication to put in force. */
export interface Publication {
  /** The newest publication that the publisher has read; the statement fails if there is a newer one. */
  after: number;
  /** The version that it replaces. */
  replaced: number;
  version: number;
  /** `null` for version 1. */
  digest: string | null;
  /** Milliseconds since the epoch. */
  at: number;
  by: string;
  note: string;
  /** The set of catalogue revisions: that of an earlier publication, or one by its digest. */
  catalogues?: { of: number } | { digest: string };
}

/**
 * Stores catalogue revisions and their set, for a later publication. Existing content stays unchanged, so the same
 * revision may be stored twice.
 *
 * @param revisions - the canonical JSON of each server's definitions, by the server's name
 */
export function storeCatalogues(
  revisions: Readonly<Record<string, string>>,
  at: number,
): { sql: string; digest: string } {
  const digests = Object.entries(revisions).map(
    ([server, document]) => [server, digestText(document)] as const,
  );
  const set = canonicalize(Object.fromEntries(digests));
  const digest = digestText(set);
  const stored = Object.entries(revisions).map(
    ([server, document]) =>
      `INSERT OR IGNORE INTO catalogue_revision (digest, server, document, created_at)
VALUES (${quoteText(digestText(document))}, ${quoteText(server)}, ${quoteText(document)}, ${at});`,
  );
  const named = `INSERT OR IGNORE INTO catalogue_set (digest, document, created_at)
VALUES (${quoteText(digest)}, ${quoteText(set)}, ${at});`;
  return { sql: [...stored, named].join("\n"), digest };
}

/**
 * Puts a version in force. `document` is given for a new version. Catalogue revisions stay as in the previous
 * publication, unless `catalogues` names others. One file, so that all statements run or none.
 */
export function putInForce(publication: Publication, document?: string): string {
  const { after, replaced, version, digest, at, catalogues = { of: after } } = publication;
  const [by, note] = [quoteText(publication.by), quoteText(publication.note)];
  const quotedDigest = digest === null ? "NULL" : quoteText(digest);
  const added =
    document === undefined
      ? ""
      : `INSERT INTO policy_version (number, document, digest, published_at, published_by, note)
VALUES (${version}, ${quoteText(document)}, ${quotedDigest}, ${at}, ${by}, ${note});\n`;
  const revisions =
    "digest" in catalogues
      ? quoteText(catalogues.digest)
      : `(SELECT catalogues FROM policy_publication WHERE id = ${catalogues.of})`;
  return `${added}INSERT INTO policy_publication (id, version, digest, replaced, at, by, note, catalogues)
VALUES (${after + 1}, ${version}, ${quotedDigest}, ${replaced}, ${at}, ${by}, ${note}, ${revisions});`;
}
