import { z } from "zod";
import { defineTool, type ToolContext } from "../../../shared/server/define.ts";
import { articleIdField, parseReference } from "../article-limits.ts";
import { compareVersions } from "../compare-versions.ts";
import type { KnowledgeStore } from "../store.ts";

/** `knowledge_get_history`: the author, time and reason of each version. */
export const getHistory = defineTool({
  name: "knowledge_get_history",
  title: "Get an article's history",
  description:
    "Lists the versions of an article, newest first, and compares two of them. Read one with fetch and its version, " +
    "bring one back with knowledge_restore_version.",
  effect: "read",
  scope: "knowledge:read",
  input: z.object({
    id: articleIdField,
    limit: z.int().min(1).max(100).default(20).describe("Versions per page."),
    offset: z.int().min(0).max(100_000).default(0).describe("Versions to skip."),
    compare_from: z.int().min(1).optional().describe("Also tell what changed from this version."),
    compare_to: z.int().min(1).optional().describe("Until this one; default: the current one."),
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
        at: z.string(),
        characters: z.int(),
      }),
    ),
    diff: z.string().optional(),
    next_offset: z.int().optional(),
  }),
  overflow: "versions",
  async run(
    { id, limit, offset, compare_from: from, compare_to: to },
    { store }: ToolContext<KnowledgeStore>,
  ) {
    const { slug } = parseReference(id);
    const { currentVersion, versions } = await store.listVersions(slug, { limit: limit + 1, offset });
    const diff =
      from === undefined
        ? undefined
        : compareVersions(await store.readArticle(slug, from), await store.readArticle(slug, to));
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
      ...(diff !== undefined && { diff }),
      ...(versions.length > limit && { next_offset: offset + limit }),
    };
  },
});
