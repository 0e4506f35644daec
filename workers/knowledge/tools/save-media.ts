import { z } from "zod";
import { ToolError } from "../../../shared/call/tool-error.ts";
import { fromBase64 } from "../../../shared/encoding/base64.ts";
import { defineTool, type ToolContext } from "../../../shared/server/define.ts";
import { collectionField, titleField } from "../article-limits.ts";
import { describeItem, descriptionField, MAX_DATA_LENGTH, mediaItem } from "../media/media-fields.ts";
import type { KnowledgeStore } from "../store.ts";

/** `knowledge_save_media`: stores a picture or recording. */
export const saveMedia = defineTool({
  name: "knowledge_save_media",
  title: "Save a picture or recording",
  description:
    "Keeps a picture or recording of up to 1 MiB. Put the markdown it returns into an article, so that it is found.",
  effect: "create",
  idempotent: true,
  scope: "knowledge:write",
  input: z.object({
    collection: collectionField.optional().describe("Its slug."),
    title: titleField.describe("What it shows or says."),
    data: z
      .string()
      .min(1)
      .max(MAX_DATA_LENGTH)
      .describe("PNG, JPEG, GIF, WebP, MP3, WAV, Ogg, FLAC or M4A in base64."),
    description: descriptionField.default(""),
  }),
  inherits: ["collection"],
  output: mediaItem.pick({ id: true, url: true, type: true }).extend({
    markdown: z.string(),
    is_new: z.boolean(),
  }),
  async run({ collection, title, data, description }, { store, context, now }: ToolContext<KnowledgeStore>) {
    if (collection === undefined) {
      throw new ToolError("invalid_input", "Name the collection that it belongs to.", {
        suggestedAction: "Choose one from knowledge_list_collections and pass its slug as collection.",
      });
    }
    const bytes = fromBase64(data.replace(/^data:[^,]*,/, ""));
    const { item, created } = await store.media.keep({ collection, title, bytes, description }, now);
    context.remember({ type: "media", id: item.slug, label: item.title });
    const { id, url, type } = describeItem(item);
    const label = item.title.replace(/[[\]]/g, "");
    return {
      id,
      url,
      type,
      markdown: `${item.mimeType.startsWith("image/") ? "!" : ""}[${label}](${url})`,
      is_new: created,
    };
  },
});
