import { digestText } from "../encoding/canonical-json.ts";
import { type ContentStores, readContent } from "../policy/read-content.ts";
import { type Definition, packDefinitions, parsePart } from "./definitions.ts";

/**
 * Stores definitions in the platform database, for a revision that names the digests which this returns.
 * Content that is stored already stays as it is.
 *
 * @param now - milliseconds since the epoch
 */
export async function storeDefinitions(
  database: D1Database,
  definitions: readonly Definition[],
  now: number,
): Promise<string[]> {
  const parts = packDefinitions(definitions);
  // One statement each: a batch is one transaction, and all of it would be in memory at once.
  for (const { digest, document } of parts) {
    await database
      .prepare("INSERT OR IGNORE INTO definition_part (digest, document, created_at) VALUES (?, ?, ?)")
      .bind(digest, document, now)
      .run();
  }
  return parts.map(({ digest }) => digest);
}

/**
 * Reads the definitions of a revision: each part from KV, then from the platform database. Throws if a part
 * does not exist or does not match its digest.
 */
export async function readDefinitions(
  stores: ContentStores,
  digests: readonly string[],
): Promise<Definition[]> {
  const parts = await Promise.all(digests.map((digest) => readPart(stores, digest)));
  return parts.flatMap(parsePart);
}

async function readPart(stores: ContentStores, digest: string): Promise<string> {
  const query = stores.PLATFORM_DB.prepare("SELECT document FROM definition_part WHERE digest = ?").bind(
    digest,
  );
  const document = await readContent(stores, { key: `definitions:${digest}`, digest, query });
  if (document === null) throw new Error(`The definitions ${digest} are not in the database.`);
  if (digestText(document) !== digest)
    throw new Error(`The definitions ${digest} are not what was published.`);
  return document;
}
