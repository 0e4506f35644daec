import { z } from "zod";
import { defineTool, type ToolContext } from "../../../shared/server/define.ts";
import type { KnowledgeStore } from "../store.ts";

/** `knowledge_list_collections`: the collections of the knowledge base. */
export const listCollections = defineTool({
  name: "knowledge_list_collections",
  title: "List collections",
  description:
    "Lists the collections with what each is for. Use a slug to narrow a search or to save an article.",
  effect: "read",
  scope: "knowledge:read",
  input: z.object({}),
  output: z.object({
    collections: z.array(
      z.object({
        slug: z.string(),
        title: z.string(),
        description: z.string(),
        articles: z.int(),
      }),
    ),
  }),
  overflow: "collections",
  async run(_input, { store }: ToolContext<KnowledgeStore>) {
    return { collections: await store.collections.list() };
  },
});
