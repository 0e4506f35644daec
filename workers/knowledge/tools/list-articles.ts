import { z } from "zod";
import { defineTool, type ToolContext } from "../../../shared/server/define.ts";
import { collectionField, MAX_TAG_LENGTH } from "../article-limits.ts";
import type { KnowledgeStore } from "../store.ts";

/** `knowledge_list_articles`: the latest changes, or the articles of a collection or tag. */
export const listArticles = defineTool({
  name: "knowledge_list_articles",
  title: "List articles",
  description:
    "Lists articles without their text, newest change first. Use it to browse or to see what changed lately; use " +
    "search to find an answer.",
  effect: "read",
  scope: "knowledge:read",
  input: z.object({
    collection: collectionField.optional().describe("This collection only."),
    tag: z
      .string()
      .trim()
      .toLowerCase()
      .min(1)
      .max(MAX_TAG_LENGTH)
      .optional()
      .describe("Articles with this tag."),
    limit: z.int().min(1).max(100).default(20).describe("Articles per page."),
    offset: z.int().min(0).max(10_000).default(0).describe("next_offset of the page before."),
  }),
  inherits: ["collection"],
  output: z.object({
    articles: z.array(
      z.object({
        id: z.string(),
        title: z.string(),
        collection: z.string(),
        tags: z.array(z.string()),
        version: z.int(),
        updated_at: z.string(),
        updated_by: z.string(),
      }),
    ),
    next_offset: z.int().optional(),
  }),
  overflow: "articles",
  async run({ collection, tag, limit, offset }, { store }: ToolContext<KnowledgeStore>) {
    const articles = await store.listArticles({ collection, tag, limit: limit + 1, offset });
    return {
      articles: articles.slice(0, limit).map((article) => ({
        id: article.slug,
        title: article.title,
        collection: article.collection,
        tags: article.tags,
        version: article.version,
        updated_at: article.updatedAt,
        updated_by: article.updatedBy,
      })),
      ...(articles.length > limit && { next_offset: offset + limit }),
    };
  },
});
