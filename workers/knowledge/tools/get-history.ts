import { z } from "zod";
import { defineTool, type ToolContext } from "../../../shared/mcp/define.ts";
import { articleIdField, parseReference } from "../article-limits.ts";
import type { KnowledgeStore } from "../store.ts";

/** `knowledge_get_history`: who changed an article when, and why. */
export const getHistory = defineTool({
  name: "knowledge_get_history",
  title: "Get an article's history",
  description:
    "Lists the versions of an article, newest first, with author, time and change note. " +
    "Read one with fetch and its version, bring one back with knowledge_restore_version.",
  effect: "read",
  scope: "knowledge:read",
  input: z.object({
    id: articleIdField,
    limit: z.int().min(1).max(100).default(20).describe("Versions per page."),
    offset: z.int().min(0).max(100_000).default(0).describe("Versions to skip."),
  }),
  output: z.object({
    id: z.string(),
    current_version: z.int(),
    versions: z.array(
      z.object({
        version: z.int(),
        title: z.string(),
        change_note: z.string(),
        author: z.string(),
        at: z.string().describe("ISO 8601, UTC."),
        characters: z.int(),
      }),
    ),
    next_offset: z.int().optional().describe("Present when there are older ones."),
  }),
  overflow: "versions",
  async run({ id, limit, offset }, { store }: ToolContext<KnowledgeStore>) {
    const { slug } = parseReference(id);
    const { currentVersion, versions } = await store.listVersions(slug, { limit: limit + 1, offset });
    return {
      id: slug,
      current_version: currentVersion,
      versions: versions.slice(0, limit).map((entry) => ({
        version: entry.version,
        title: entry.title,
        change_note: entry.changeNote,
        author: entry.authorName,
        at: entry.createdAt,
        characters: entry.characters,
      })),
      ...(versions.length > limit && { next_offset: offset + limit }),
    };
  },
});
