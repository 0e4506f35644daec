import { z } from "zod";
import type { ToolContext } from "../../../shared/server/define.ts";
import { defineLongTool } from "../../../shared/server/task-workflow.ts";
import { cutText } from "../../../shared/text/well-formed.ts";
import { descriptionField, mediaIdField, mediaItem } from "../media/media-fields.ts";
import type { MediaItem } from "../store/media.ts";
import type { KnowledgeStore } from "../store.ts";

/**
 * `knowledge_describe_media`: the caption or transcript of a picture or recording, by the user or by Workers
 * AI. A model may need a minute: then the call is a task if the client supports tasks, and an interrupted one
 * starts again.
 */
export const describeMedia = defineLongTool({
  name: "knowledge_describe_media",
  title: "Describe a picture or recording",
  description: "Writes a caption or transcript: your text, else one by Workers AI.",
  effect: "update",
  costly: true,
  scope: "knowledge:write",
  input: z.object({ id: mediaIdField, text: descriptionField.optional() }),
  output: mediaItem.pick({ description: true, described_by: true }),
  timeoutMs: 60_000,
  work: {
    tasks: "optional",
    async begin({ id, text }, { store }: ToolContext<KnowledgeStore>) {
      if (text !== undefined) return { answer: present(await store.media.writeDescription(id, text)) };
      // Fails before the task starts if the item cannot be described.
      await store.media.requireDescribable(id);
      return { state: null };
    },
    async step(_state, { id }, { store }) {
      return { answer: present(await store.media.describe(id)) };
    },
  },
});

/** Answers hold the beginning of a long transcript; the store keeps all of it. */
function present({ description, describedBy }: MediaItem) {
  return { description: cutText(description, 2_000), described_by: describedBy };
}
