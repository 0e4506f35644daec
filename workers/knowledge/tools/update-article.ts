import { z } from "zod";
import { defineTool, type ToolContext } from "../../../shared/mcp/define.ts";
import { ToolError } from "../../../shared/mcp/errors.ts";
import { articleIdField, bodyField, parseReference, tagsField, titleField } from "../article-limits.ts";
import { describeSaved, savedArticle } from "../describe-article.ts";
import type { KnowledgeStore } from "../store.ts";

/** `knowledge_update_article`: writes an article's next version; the ones before are kept. */
export const updateArticle = defineTool({
  name: "knowledge_update_article",
  title: "Update an article",
  description:
    "Writes a new version of an article; earlier versions are kept. Fetch the article first and name the version " +
    "you read: when somebody else changed it meanwhile, nothing is written and the answer says so.",
  effect: "update",
  scope: "knowledge:write",
  input: z.object({
    id: articleIdField,
    expected_version: z.int().min(1).describe("The version that the change is based on, from fetch."),
    title: titleField.optional().describe("New title; leave out to keep it."),
    body: bodyField.optional().describe("The whole new text in Markdown; leave out to keep it."),
    tags: tagsField.optional().describe("All tags; leave out to keep them."),
    change_note: z
      .string()
      .trim()
      .min(1)
      .max(300)
      .describe("One line for the history: what changed and why."),
  }),
  output: savedArticle.extend({
    changed: z.boolean().describe("False when the article already read like this; nothing was written then."),
  }),
  async run(input, { store, context, now }: ToolContext<KnowledgeStore>) {
    const { id, expected_version: expectedVersion, title, body, tags, change_note: changeNote } = input;
    if (title === undefined && body === undefined && tags === undefined) {
      throw new ToolError("invalid_input", "Nothing to change: give a title, a body or tags.");
    }
    const { slug } = parseReference(id);
    const article = await store.updateArticle(slug, { expectedVersion, title, body, tags, changeNote }, now);
    context.remember({ type: "article", id: article.slug, label: article.title });
    return { ...describeSaved(article), changed: article.version !== expectedVersion };
  },
});
