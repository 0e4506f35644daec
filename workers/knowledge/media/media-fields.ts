import { z } from "zod";
import { isPlainText } from "../article-limits.ts";
import type { MediaItem } from "../store/media.ts";

/** Maximum bytes in one answer: base64 makes them a third longer. */
export const MAX_SHOWN_BYTES = 1024 * 1024;
/** Maximum base64 text of {@link MAX_SHOWN_BYTES}, with room for `data:…;base64,`. */
export const MAX_DATA_LENGTH = 1_400_000;

/** The URI of a picture or recording: a resource, and the target of links in articles. */
export function mediaUri(slug: string): string {
  return `kb://media/${slug}`;
}

/** Distinct slugs of the pictures and recordings that a text links to, in the order of the links. */
export function findMediaLinks(markdown: string): string[] {
  return [
    ...new Set(Array.from(markdown.matchAll(/kb:\/\/media\/([a-z0-9-]{1,100})/g), ([, slug = ""]) => slug)),
  ];
}

/** Input field: the id of a picture or recording, or its `kb://media/…` URI. */
export const mediaIdField = z
  .string()
  .trim()
  .min(1)
  .max(200)
  .transform((id) => id.replace(/^kb:\/\/media\//, ""))
  .describe("Id or kb://media/… address.");

/** Input field: a caption or transcript. */
export const descriptionField = z
  .string()
  .trim()
  .max(50_000)
  .refine(isPlainText, "A description is plain text.")
  .describe("Caption or transcript.");

/** A picture or recording in answers. */
export const mediaItem = z.object({
  id: z.string(),
  url: z.string(),
  title: z.string(),
  collection: z.string(),
  type: z.string(),
  bytes: z.int(),
  description: z.string().optional(),
  described_by: z.string().optional(),
});

/** Fills {@link mediaItem}. */
export function describeItem(item: MediaItem): z.output<typeof mediaItem> {
  return {
    id: item.slug,
    url: mediaUri(item.slug),
    title: item.title,
    collection: item.collection,
    type: item.mimeType,
    bytes: item.bytes,
    ...(item.description !== "" && { description: item.description, described_by: item.describedBy }),
  };
}
