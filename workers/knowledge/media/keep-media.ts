import { ToolError } from "../../../shared/call/tool-error.ts";
import { digestBytes } from "../../../shared/encoding/canonical-json.ts";
import { makeSlug } from "../markdown/make-slug.ts";
import { findMediaByHash, insertMedia, type MediaItem } from "../store/media.ts";
import type { Author } from "../store/rows.ts";
import { MEDIA_TYPES_IN_WORDS, type MediaType, sniffType } from "./sniff-type.ts";

/** Maximum bytes of a picture or recording. */
export const MAX_MEDIA_BYTES = 10 * 1024 * 1024;

/** Stores of media bytes and their metadata. */
export interface MediaHome {
  db: D1Database;
  bucket: Pick<R2Bucket, "put" | "get">;
}

/** An uploaded picture or recording. */
export interface MediaUpload {
  collectionId: number;
  title: string;
  bytes: Uint8Array;
  description: string;
}

/** A stored item; `created` is false when the collection already had the same content. */
export interface KeptMedia {
  item: MediaItem;
  created: boolean;
}

/** The type of media bytes, or why they cannot be stored, as one sentence. */
export function inspectMedia(bytes: Uint8Array): { type: MediaType } | { refused: string } {
  if (bytes.byteLength > MAX_MEDIA_BYTES) {
    return { refused: `It has ${bytes.byteLength} bytes; at most ${MAX_MEDIA_BYTES} are allowed.` };
  }
  const type = sniffType(bytes);
  return type === undefined ? { refused: `It is none of these: ${MEDIA_TYPES_IN_WORDS}.` } : { type };
}

/**
 * Stores a picture or recording. Writes the bytes before the row, so that a row always has its bytes; bytes
 * without a row are written again. The same content is stored once per collection. Throws `invalid_input` for
 * what {@link inspectMedia} refuses.
 */
export async function keepMedia(
  { db, bucket }: MediaHome,
  { collectionId, title, bytes, description }: MediaUpload,
  author: Author,
  now: Date,
): Promise<KeptMedia> {
  const inspected = inspectMedia(bytes);
  if ("refused" in inspected) throw new ToolError("invalid_input", inspected.refused);
  const hash = digestBytes(bytes);
  const known = await findMediaByHash(db, collectionId, hash);
  if (known) return { item: known, created: false };
  await bucket.put(hash, bytes, { httpMetadata: { contentType: inspected.type } });
  const slug = makeSlug(title, "media", 80);
  const media = { collectionId, hash, title, mimeType: inspected.type, bytes: bytes.byteLength, description };
  // A name that is taken gets a part of the hash, which no other content has.
  const created =
    (await insertMedia(db, { ...media, slug }, author, now)) ||
    (await insertMedia(db, { ...media, slug: `${slug}-${hash.slice(0, 12)}` }, author, now));
  const item = await findMediaByHash(db, collectionId, hash);
  if (!item) throw new Error("A kept item could not be read back.");
  return { item, created };
}
