import { z } from "zod";
import { ToolError } from "../../../shared/call/tool-error.ts";
import { defineTool, type ToolContext } from "../../../shared/server/define.ts";
import {
  bodyField,
  collectionField,
  newReadersField,
  readersOf,
  tagsField,
  titleField,
} from "../article-limits.ts";
import { describeSaved, savedArticle } from "../describe-article.ts";
import type { KnowledgeStore } from "../store.ts";

/** `knowledge_save_article`: writes a new article. */
export const saveArticle = defineTool({
  name: "knowledge_save_article",
  title: "Save a new article",
  description:
    "Adds an article to a collection. Search first: an article on the subject may exist, and " +
    "knowledge_update_article changes it.",
  effect: "create",
  scope: "knowledge:write",
  input: z.object({
    collection: collectionField.optional().describe("Its slug."),
    title: titleField.describe("One line that says what the article answers."),
    body: bodyField.describe("Markdown with headings: each section is cited on its own."),
    tags: tagsField.default([]).describe("Key words that the text does not contain."),
    new_collection_title: titleField
      .optional()
      .describe("Creates the collection under this title when it is new, for your own role."),
    new_collection_readers: newReadersField,
  }),
  inherits: ["collection"],
  output: savedArticle,
  async check(input, { store }: Pick<ToolContext<KnowledgeStore>, "store">) {
    requireCollection(input.collection);
    if (input.new_collection_title === undefined) await store.collections.requireWritable(input.collection);
  },
  async run(input, { store, context, now }: ToolContext<KnowledgeStore>) {
    const { collection, title, body, tags, new_collection_title: newTitle } = input;
    requireCollection(collection);
    if (newTitle !== undefined) {
      const readers = readersOf(input.new_collection_readers);
      await store.collections.ensure({ slug: collection, title: newTitle, readers }, now);
    }
    const article = await store.createArticle({ collection, title, body, tags }, now);
    context.remember({ type: "article", id: article.slug, label: article.title });
    return describeSaved(article);
  },
});

function requireCollection(collection: string | undefined): asserts collection is string {
  if (collection !== undefined) return;
  throw new ToolError("invalid_input", "Name the collection that the article belongs to.", {
    suggestedAction: "Choose one from knowledge_list_collections and pass its slug as collection.",
  });
}
