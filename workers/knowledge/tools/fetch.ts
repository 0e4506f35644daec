import { z } from "zod";
import { ToolError } from "../../../shared/call/tool-error.ts";
import { defineTool, type ToolContext } from "../../../shared/server/define.ts";
import { articleIdField, parseReference } from "../article-limits.ts";
import { describeArticle } from "../describe-article.ts";
import { findMediaLinks } from "../media/media-fields.ts";
import { articleUri } from "../store/rows.ts";
import type { KnowledgeStore } from "../store.ts";

/**
 * Maximum characters of text in one answer, counted as JSON: about 5,000 tokens, within the guard's limit.
 */
const TEXT_LIMIT = 20_000;

/** `fetch`: an article's text, in the format of ChatGPT's connectors and deep research. */
export const fetchArticle = defineTool({
  name: "fetch",
  title: "Fetch an article",
  description:
    "Reads an article as Markdown, or one section by a citation that ends in #section. A long text comes in parts: " +
    "call again with offset = next_offset. knowledge_get_media shows what metadata.media lists.",
  effect: "read",
  scope: "knowledge:read",
  input: z.object({
    id: articleIdField,
    version: z.int().min(1).optional().describe("An older version."),
    offset: z.int().min(0).default(0).describe("next_offset of the part before."),
  }),
  output: z.object({
    id: z.string(),
    title: z.string(),
    text: z.string(),
    url: z.string(),
    metadata: z.record(z.string(), z.unknown()),
    next_offset: z.int().optional(),
  }),
  async run({ id, version, offset }, { store, context, now }: ToolContext<KnowledgeStore>) {
    const { slug, anchor } = parseReference(id);
    if (anchor !== "" && version !== undefined) {
      throw new ToolError("invalid_input", "A section can be read at the current version only.", {
        suggestedAction: "Leave version out, or leave out the part of the id after #.",
      });
    }
    const article = await store.readArticle(slug, version);
    const section = anchor === "" ? undefined : await store.readSection(slug, anchor);
    const whole = section?.text ?? article.body;
    const text = cutAt(whole, offset, TEXT_LIMIT);
    const end = offset + text.length;
    const media = await store.media.list(findMediaLinks(text));
    context.remember({ type: "article", id: slug, label: article.title });
    return {
      id: slug,
      title: article.title,
      text,
      url: articleUri(slug, anchor),
      metadata: {
        ...describeArticle(article, now),
        ...(section && { section: section.heading }),
        ...(media.length > 0 && {
          media: media.map(({ slug: id, title, mimeType }) => ({ id, title, type: mimeType })),
        }),
      },
      ...(end < whole.length && { next_offset: end }),
    };
  },
});

/** A slice that ends at a line end if one is near, and never inside a surrogate pair. */
function cutAt(text: string, start: number, limit: number): string {
  const end = findEnd(text, start, limit);
  if (end === text.length) return text.slice(start);
  const lineEnd = text.lastIndexOf("\n", end - 1) + 1;
  if (lineEnd > start + (end - start) / 2) return text.slice(start, lineEnd);
  const splitsPair = /[\uD800-\uDBFF]/.test(text.charAt(end - 1));
  return text.slice(start, splitsPair ? end - 1 : end);
}

/** End of a slice with at most `limit` characters as JSON, in which some characters count twice. */
function findEnd(text: string, start: number, limit: number): number {
  let used = 0;
  for (let at = start; at < text.length; at++) {
    used += /["\\\n\t]/.test(text.charAt(at)) ? 2 : 1;
    if (used > limit) return at;
  }
  return text.length;
}
