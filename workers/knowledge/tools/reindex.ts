import { z } from "zod";
import type { ToolContext } from "../../../shared/server/define.ts";
import { defineLongTool } from "../../../shared/server/task-workflow.ts";
import type { KnowledgeStore } from "../store.ts";

/** `knowledge_reindex`: updates the vector index, one batch per call, or one per step of a task. */
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
  async run({ from_scratch: fromScratch }, { store }: ToolContext<KnowledgeStore>) {
    return store.reindex(fromScratch);
  },
  work: {
    tasks: "optional",
    async begin({ from_scratch: fromScratch }, { store }) {
      const { embedded, remaining } = await store.reindex(fromScratch);
      return remaining ? { state: embedded, done: embedded } : { answer: { embedded, remaining } };
    },
    async step(before, _input, { store }) {
      const batch = await store.reindex(false);
      const embedded = before + batch.embedded;
      // A batch that embedded nothing would do so again.
      if (!batch.remaining || batch.embedded === 0)
        return { answer: { embedded, remaining: batch.remaining } };
      return { state: embedded, done: embedded, message: "articles" };
    },
  },
});
