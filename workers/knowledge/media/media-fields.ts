import { z } from "zod";
import { isPlainText } from "../article-limits.ts";
import type { MediaItem } from "../store/media.ts";

/** Most bytes that one answer hands over: base64 makes a third more of them. */
export const MAX_SHOWN_BYTES = 1024 * 1024;
/** Longest base64 text of {@link MAX_SHOWN_BYTES}, with room for `data:…;base64,`. */
export const MAX_DATA_LENGTH = 1_400_000;

/** The address of a picture or recording: a resource, and what articles link to. */
export function mediaUri(slug: string): string {
  return `kb://media/${slug}`;
}

/** Slugs of the pictures and recordings that a text links to, in their order, each once. */
export function findMediaLinks(markdown: string): string[] {
  return [
    ...new Set(Array.from(markdown.matchAll(/kb:\/\/media\/([a-z0-9-]{1,100})/g), ([, slug = ""]) => slug)),
  ];
}

/** Input field: which picture or recording. Takes its id or its `kb://media/…` address. */
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

/** What answers say of a picture or recording. */
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
