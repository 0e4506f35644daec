import { z } from "zod";
import type { ToolContext } from "../../../shared/server/define.ts";
import { defineLongTool } from "../../../shared/server/task-workflow.ts";
import type { KnowledgeStore } from "../store.ts";

/** `knowledge_reindex`: brings the vector index up to date, a batch a call, or a batch a step where that is a task. */
export const reindex = defineLongTool({
  name: "knowledge_reindex",
  title: "Reindex for search by meaning",
  description:
    "Embeds articles that search by meaning does not know yet. Call it again while remaining is true.",
  effect: "update",
  costly: true,
  scope: "knowledge:write",
  input: z.object({
    from_scratch: z.boolean().default(false).describe("First call after the model or index was replaced."),
  }),
  output: z.object({ embedded: z.int(), remaining: z.boolean() }),
  async run({ from_scratch: anew }, { store }: ToolContext<KnowledgeStore>) {
    return store.reindex(anew);
  },
  work: {
    tasks: "optional",
    async begin({ from_scratch: anew }, { store }) {
      const { embedded, remaining } = await store.reindex(anew);
      return remaining ? { state: embedded, done: embedded } : { answer: { embedded, remaining } };
    },
    async step(before, _input, { store }) {
      const batch = await store.reindex(false);
      const embedded = before + batch.embedded;
      // A batch of nothing would be the same again.
      if (!batch.remaining || batch.embedded === 0)
        return { answer: { embedded, remaining: batch.remaining } };
      return { state: embedded, done: embedded, message: "articles" };
    },
  },
});
