import { z } from "zod";
import { defineTool, type ToolContext } from "../../../shared/server/define.ts";
import { articleIdField, parseReference } from "../article-limits.ts";
import { describeSaved, savedArticle } from "../describe-article.ts";
import { previewArticle } from "../preview-article.ts";
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
  // Who may not write a version may not bring one back either.
  async needs(input, { store }: Pick<ToolContext<KnowledgeStore>, "store">) {
    const { title, body, tags } = await store.readArticle(parseReference(input.id).slug, input.version);
    const args = { id: input.id, expected_version: input.expected_version, title, body, tags };
    return [{ tool: "knowledge_update_article", args: { ...args, change_note: noteOf(input.version) } }];
  },
  async check(input, { store }: Pick<ToolContext<KnowledgeStore>, "store">) {
    const { slug } = parseReference(input.id);
    await store.requireUpdatable(slug, input.expected_version);
    await store.readArticle(slug, input.version);
  },
  async preview(input, { store }: Pick<ToolContext<KnowledgeStore>, "store">) {
    const { slug } = parseReference(input.id);
    return [previewArticle(await store.readArticle(slug), await store.readArticle(slug, input.version))];
  },
  async run(input, { store, context, now }: ToolContext<KnowledgeStore>) {
    const { slug } = parseReference(input.id);
    const { title, body, tags } = await store.readArticle(slug, input.version);
    const change = {
      expectedVersion: input.expected_version,
      title,
      body,
      tags,
      changeNote: noteOf(input.version),
    };
    const article = await store.updateArticle(slug, change, now);
    context.remember({ type: "article", id: article.slug, label: article.title });
    return { ...describeSaved(article), changed: article.version !== input.expected_version };
  },
});

function noteOf(version: number): string {
  return `Restored version ${version}`;
}
