import { z } from "zod";
import { defineTool, type ToolContext } from "../../../shared/server/define.ts";
import { articleIdField, parseReference } from "../article-limits.ts";
import { describeSaved, savedArticle } from "../describe-article.ts";
import type { KnowledgeStore } from "../store.ts";

/** `knowledge_restore_version`: makes an old text the newest version. */
export const restoreVersion = defineTool({
  name: "knowledge_restore_version",
  title: "Restore a version",
  description:
    "Makes an earlier version of an article current again, as a new version. knowledge_get_history names them.",
  effect: "update",
  scope: "knowledge:write",
  input: z.object({
    id: articleIdField,
    version: z.int().min(1).describe("The version to bring back."),
    expected_version: z.int().min(1).describe("The current version."),
  }),
  output: savedArticle.extend({
    changed: z.boolean().describe("False when it read like this already."),
  }),
  async run(input, { store, context, now }: ToolContext<KnowledgeStore>) {
    const { slug } = parseReference(input.id);
    const { title, body, tags } = await store.readArticle(slug, input.version);
    const change = {
      expectedVersion: input.expected_version,
      title,
      body,
      tags,
      changeNote: `Restored version ${input.version}`,
    };
    const article = await store.updateArticle(slug, change, now);
    context.remember({ type: "article", id: article.slug, label: article.title });
    return { ...describeSaved(article), changed: article.version !== input.expected_version };
  },
});
