import { digestText } from "../encoding/canonical-json.ts";
import { log } from "../observe/log.ts";

/** Stores of published documents. */
export type ContentStores = Pick<Env, "PLATFORM_DB" | "OAUTH_KV">;

/** A content-addressed document. */
export interface Content {
  /** Its key in KV, derived from the content, so that the value never changes. */
  key: string;
  /** SHA-256 of the text, 64 hex digits. */
  digest: string;
  /** Reads `document` from the platform database, in one row or none. */
  query: D1PreparedStatement;
}

/**
 * Reads a document from KV, or from the platform database, which then fills KV for other isolates. A copy in
 * KV with a wrong digest counts as missing; the database's document is returned unverified for the caller to
 * compare. `null` if the database has no such row; throws the database's error if it is unavailable.
 */
export async function readContent(stores: ContentStores, content: Content): Promise<string | null> {
  return (await readCopy(stores.OAUTH_KV, content)) ?? (await readOriginal(stores.OAUTH_KV, content));
}

async function readCopy(kv: KVNamespace, { key, digest }: Content): Promise<string | null> {
  try {
    const copy = await kv.get(key);
    if (copy === null || digestText(copy) === digest) return copy;
    log("error", "content_copy_wrong", { key });
  } catch (failure) {
    log("warn", "content_copy_unreadable", { key, error: String(failure) });
  }
  return null;
}

async function readOriginal(kv: KVNamespace, { key, digest, query }: Content): Promise<string | null> {
  const row = await query.first<{ document: string }>();
  if (row !== null && digestText(row.document) === digest) {
    await kv
      .put(key, row.document)
      .catch((failure: unknown) => log("warn", "content_copy_not_kept", { key, error: String(failure) }));
  }
  return row?.document ?? null;
}
