import { z } from "zod";
import { ToolError } from "../../../shared/call/tool-error.ts";
import { defineTool, type ToolContext } from "../../../shared/server/define.ts";
import { articleIdField, bodyField, parseReference, tagsField, titleField } from "../article-limits.ts";
import { describeSaved, savedArticle } from "../describe-article.ts";
import { previewArticle } from "../preview-article.ts";
import type { KnowledgeStore } from "../store.ts";

/** `knowledge_update_article`: writes an article's next version; earlier ones are kept. */
export const updateArticle = defineTool({
  name: "knowledge_update_article",
  title: "Update an article",
  description:
    "Writes a new version of an article; earlier ones are kept. Fetch it first and name the version you read: " +
    "nothing is written if it was changed meanwhile.",
  effect: "update",
  scope: "knowledge:write",
  input: z.object({
    id: articleIdField,
    expected_version: z.int().min(1).describe("The version you read."),
    title: titleField.optional().describe("Leave out to keep it."),
    body: bodyField.optional().describe("The whole new text; leave out to keep it."),
    tags: tagsField.optional().describe("All tags; leave out to keep them."),
    change_note: z.string().trim().min(1).max(300).describe("What changed and why."),
  }),
  output: savedArticle.extend({
    changed: z.boolean().describe("False when it read like this already."),
  }),
  async check(input, { store }: Pick<ToolContext<KnowledgeStore>, "store">) {
    requireSomething(input);
    await store.requireUpdatable(parseReference(input.id).slug, input.expected_version);
  },
  async preview({ id, title, body, tags }, { store }: Pick<ToolContext<KnowledgeStore>, "store">) {
    const current = await store.readArticle(parseReference(id).slug);
    return [
      previewArticle(current, {
        ...{ title: title ?? current.title, body: body ?? current.body, tags: tags ?? current.tags },
      }),
    ];
  },
  async run(input, { store, context, now }: ToolContext<KnowledgeStore>) {
    const { id, expected_version: expectedVersion, title, body, tags, change_note: changeNote } = input;
    requireSomething(input);
    const { slug } = parseReference(id);
    const article = await store.updateArticle(slug, { expectedVersion, title, body, tags, changeNote }, now);
    context.remember({ type: "article", id: article.slug, label: article.title });
    return { ...describeSaved(article), changed: article.version !== expectedVersion };
  },
});

function requireSomething({ title, body, tags }: { title?: unknown; body?: unknown; tags?: unknown }): void {
  if (title !== undefined || body !== undefined || tags !== undefined) return;
  throw new ToolError("invalid_input", "Nothing to change: give a title, a body or tags.");
}
