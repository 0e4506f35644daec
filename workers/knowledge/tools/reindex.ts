import { z } from "zod";
import { defineTool, type ToolContext } from "../../../shared/mcp/define.ts";
import type { KnowledgeStore } from "../store.ts";

/** `knowledge_reindex`: brings the vector index up to date, a batch a call. */
export const reindex = defineTool({
  name: "knowledge_reindex",
  title: "Reindex for search by meaning",
  description:
    "Embeds articles that search by meaning does not know yet, a batch a call. Call it again while remaining is true.",
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
});
