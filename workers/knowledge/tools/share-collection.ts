import { z } from "zod";
import { defineTool, type ToolContext } from "../../../shared/server/define.ts";
import { collectionField } from "../article-limits.ts";
import type { KnowledgeStore } from "../store.ts";

const rolesField = z
  .array(z.string().refine((role) => /^[a-z][a-z0-9_-]{0,39}$/.test(role), "A role is a lower-case word."))
  .max(20);

/** `knowledge_share_collection`: sets the roles that can read and write a collection. */
export const shareCollection = defineTool({
  name: "knowledge_share_collection",
  title: "Share a collection",
  description:
    "Decides which roles may read and write a collection; administrators always may. Nothing of it shows to the " +
    "others. Ask the person before you call it.",
  effect: "update",
  idempotent: true,
  scope: "knowledge:write",
  input: z.object({
    collection: collectionField.describe("Its name"),
    readers: rolesField.nullable().describe("Roles that may read it; null for all."),
    writers: rolesField.nullable().describe("Roles that may also write to it; null for every reader."),
  }),
  output: z.object({
    collection: z.string(),
    readers: z.array(z.string()).nullable(),
    writers: z.array(z.string()).nullable(),
  }),
  async check({ collection }, { store }: Pick<ToolContext<KnowledgeStore>, "store">) {
    await store.collections.requireWritable(collection);
  },
  async run({ collection, readers, writers }, { store }: ToolContext<KnowledgeStore>) {
    await store.collections.share(collection, { readers, writers });
    return { collection, readers, writers };
  },
});
