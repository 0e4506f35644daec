import { z } from "zod";
import { ToolError } from "../../../shared/call/tool-error.ts";
import { defineTool, type ToolContext } from "../../../shared/server/define.ts";
import { articleIdField, collectionField, parseReference } from "../article-limits.ts";
import { MAX_QUESTION_LENGTH } from "../search/build-match.ts";
import type { KnowledgeStore } from "../store.ts";

/** `knowledge_give_feedback`: stores whether an article helped, or which answer is missing. */
export const giveFeedback = defineTool({
  name: "knowledge_give_feedback",
  title: "Give feedback",
  description:
    "Notes whether an article helped, or that an answer is missing. Use it when the person says so or searches " +
    "found nothing.",
  effect: "create",
  idempotent: true,
  scope: "knowledge:read",
  input: z.object({
    verdict: z.enum(["useful", "not_useful", "missing"]).describe("missing: no article answers it."),
    id: articleIdField.optional().describe("The article, unless the answer is missing."),
    question: z
      .string()
      .trim()
      .max(MAX_QUESTION_LENGTH)
      .default("")
      .describe("What the person wanted to know."),
    collection: collectionField.optional().describe("Where a missing answer belongs."),
    comment: z.string().trim().max(1_000).default("").describe("What was wrong or would help."),
  }),
  output: z.object({ noted: z.boolean() }),
  async run(input, { store, now }: ToolContext<KnowledgeStore>) {
    const { id, verdict, question, collection, comment } = input;
    if (verdict === "missing" && question === "") {
      throw new ToolError("invalid_input", "Say in question which answer is missing.");
    }
    if (verdict !== "missing" && id === undefined) {
      throw new ToolError("invalid_input", "Name the article that was or was not useful as id.");
    }
    const slug = id === undefined || verdict === "missing" ? undefined : parseReference(id).slug;
    await store.giveFeedback({ verdict, slug, collection, question, comment }, now);
    return { noted: true };
  },
});
