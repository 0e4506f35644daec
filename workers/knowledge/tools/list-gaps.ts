import { z } from "zod";
import { defineTool, type ToolContext } from "../../../shared/server/define.ts";
import { collectionField } from "../article-limits.ts";
import type { KnowledgeStore } from "../store.ts";

/** `knowledge_list_gaps`: questions without a helpful answer, and articles with an overdue review. */
export const listGaps = defineTool({
  name: "knowledge_list_gaps",
  title: "List gaps",
  description:
    "Lists where the knowledge base falls short: missing answers, unhelpful articles, and articles past their " +
    "review date. Use it to decide what to write next.",
  effect: "read",
  scope: "knowledge:write",
  input: z.object({
    collection: collectionField.optional().describe("This collection only."),
    limit: z.int().min(1).max(100).default(20).describe("Gaps at most."),
  }),
  output: z.object({
    gaps: z.array(
      z.object({
        kind: z.enum(["missing", "not_useful", "overdue"]),
        question: z.string().optional(),
        article: z.string().optional(),
        title: z.string().optional(),
        collection: z.string().optional(),
        people: z.int().optional().describe("How many said so."),
        comment: z.string().optional(),
        at: z.string().describe("When it was said last, or the review date."),
      }),
    ),
  }),
  overflow: "gaps",
  async run({ collection, limit }, { store, now }: ToolContext<KnowledgeStore>) {
    const gaps = await store.listGaps({ collection, limit }, now);
    return {
      gaps: gaps.map((gap) => ({
        kind: gap.kind,
        ...(gap.question !== "" && { question: gap.question }),
        ...(gap.slug !== "" && { article: gap.slug, title: gap.title }),
        ...(gap.collection !== "" && { collection: gap.collection }),
        ...(gap.people > 0 && { people: gap.people }),
        ...(gap.comment !== "" && { comment: gap.comment }),
        at: gap.at,
      })),
    };
  },
});
