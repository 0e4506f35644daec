import { z } from "zod";
import { defineTool, type ToolContext } from "../../../shared/mcp/define.ts";
import { descriptionField, mediaIdField, mediaItem } from "../media/media-fields.ts";
import type { KnowledgeStore } from "../store.ts";

/** `knowledge_describe_media`: the caption or transcript of a picture or recording, by hand or by Workers AI. */
export const describeMedia = defineTool({
  name: "knowledge_describe_media",
  title: "Describe a picture or recording",
  description: "Writes a caption or transcript: your text, else one by Workers AI.",
  effect: "update",
  costly: true,
  scope: "knowledge:write",
  input: z.object({ id: mediaIdField, text: descriptionField.optional() }),
  output: mediaItem.pick({ description: true, described_by: true }),
  timeoutMs: 60_000,
  async run({ id, text }, { store }: ToolContext<KnowledgeStore>) {
    const item =
      text === undefined ? await store.media.describe(id) : await store.media.writeDescription(id, text);
    // A long transcript is kept whole; its beginning shows that it is right.
    return { description: item.description.slice(0, 2_000).toWellFormed(), described_by: item.describedBy };
  },
});
