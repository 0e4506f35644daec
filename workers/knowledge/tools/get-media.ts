import { z } from "zod";
import type { ContentBlock } from "../../../shared/call/content.ts";
import { toBase64 } from "../../../shared/encoding/base64.ts";
import { defineTool, type ToolContext } from "../../../shared/server/define.ts";
import { cutText } from "../../../shared/text/well-formed.ts";
import { describeItem, MAX_SHOWN_BYTES, mediaIdField } from "../media/media-fields.ts";
import type { KnowledgeStore } from "../store.ts";

/** Maximum characters of a description in an answer. */
const SHOWN_DESCRIPTION = 20_000;

/** `knowledge_get_media`: a picture or recording in a form that the client's model can read. */
export const getMedia = defineTool({
  name: "knowledge_get_media",
  title: "Get a picture or recording",
  description: "Shows a picture or plays a recording of an article, with its caption or transcript.",
  effect: "read",
  scope: "knowledge:read",
  input: z.object({ id: mediaIdField }),
  async run({ id }, { store, context }: ToolContext<KnowledgeStore>): Promise<ContentBlock[]> {
    const item = await store.media.read(id);
    context.remember({ type: "media", id: item.slug, label: item.title });
    const { description = "", ...facts } = describeItem(item);
    const shown = item.bytes <= MAX_SHOWN_BYTES;
    const text = JSON.stringify({
      ...facts,
      ...(description !== "" && { description: cutText(description, SHOWN_DESCRIPTION) }),
      ...(!shown && { note: `Too large to hand over here: at most ${MAX_SHOWN_BYTES} bytes are.` }),
    });
    if (!shown) return [{ type: "text", text }];
    const data = toBase64(await store.media.readBytes(item));
    const type = item.mimeType.startsWith("image/") ? "image" : "audio";
    return [
      { type, data, mimeType: item.mimeType },
      { type: "text", text },
    ];
  },
});
