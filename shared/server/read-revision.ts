import { digestText } from "../encoding/canonical-json.ts";
import { type ContentStores, readContent } from "../policy/read-content.ts";

/**
 * Reads the document of a published catalogue revision: from KV, then from the platform database. Throws if
 * it does not exist or does not match its digest.
 *
 * @param digest - SHA-256 of the document, 64 hex digits
 */
export async function readRevision(stores: ContentStores, digest: string): Promise<string> {
  const query = stores.PLATFORM_DB.prepare("SELECT document FROM catalogue_revision WHERE digest = ?").bind(
    digest,
  );
  const document = await readContent(stores, { key: `catalogue:${digest}`, digest, query });
  if (document === null) throw new Error(`Catalogue revision ${digest} is not in the database.`);
  if (digestText(document) !== digest)
    throw new Error(`Catalogue revision ${digest} is not what was published.`);
  return document;
}
