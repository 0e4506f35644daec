import { z } from "zod";
import { ToolError } from "../../../shared/call/tool-error.ts";
import { defineTool, type ToolContext } from "../../../shared/server/define.ts";
import { articleIdField, isPlainText, parseReference } from "../article-limits.ts";
import type { KnowledgeStore } from "../store.ts";

/** `knowledge_review_article`: sets the owner of an article and its next review. */
export const reviewArticle = defineTool({
  name: "knowledge_review_article",
  title: "Set owner and review date",
  description:
    "Sets who answers for an article and by when it is to be reviewed. After that day it carries a warning. " +
    "The text stays; change it with knowledge_update_article.",
  effect: "update",
  idempotent: true,
  scope: "knowledge:write",
  input: z.object({
    id: articleIdField,
    owner: z
      .string()
      .trim()
      .max(200)
      .refine((owner) => isPlainText(owner) && !/[\t\r\n]/.test(owner), "An owner is one line of plain text.")
      .optional()
      .describe("Person or team; empty for none."),
    review_on: z
      .string()
      .max(10)
      .refine((day) => day === "" || z.iso.date().safeParse(day).success, "Give a day, such as 2027-01-31.")
      .optional()
      .describe("Day, 2027-01-31; empty for none."),
  }),
  output: z.object({
    id: z.string(),
    owner: z.string().nullable(),
    review_on: z.string().nullable(),
  }),
  async check({ id }, { store }: Pick<ToolContext<KnowledgeStore>, "store">) {
    await store.requireUpdatable(parseReference(id).slug);
  },
  async run({ id, owner, review_on: reviewOn }, { store, now }: ToolContext<KnowledgeStore>) {
    if (owner === undefined && reviewOn === undefined) {
      throw new ToolError("invalid_input", "Nothing to set: give owner or review_on.");
    }
    const article = await store.reviewArticle(
      parseReference(id).slug,
      {
        ...(owner !== undefined && { owner: owner || null }),
        ...(reviewOn !== undefined && { reviewOn: reviewOn || null }),
      },
      now,
    );
    return { id: article.slug, owner: article.owner, review_on: article.reviewOn };
  },
});
