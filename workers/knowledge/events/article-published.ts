import { z } from "zod";
import { defineEvent, type EventContext } from "../../../shared/server/define-event.ts";
import { readByTime } from "../../../shared/server/time-place.ts";
import { collectionField } from "../article-limits.ts";
import type { KnowledgeStore } from "../store.ts";

/** An article is new or has a new version. */
export const articlePublished = defineEvent({
  name: "knowledge_article_published",
  title: "Article published",
  description:
    "An article was written or has a new version. Read it with fetch, its versions with knowledge_get_history.",
  scope: "knowledge:read",
  input: z.object({ collection: collectionField.optional().describe("Only articles of this collection") }),
  payload: z.object({
    id: z.string(),
    title: z.string(),
    collection: z.string(),
    version: z.int(),
    author: z.string(),
    change_note: z.string(),
  }),
  async read({ arguments: { collection }, after, limit }, { store, now }: EventContext<KnowledgeStore>) {
    return await readByTime(after, limit, now, async (since, most) => {
      const versions = await store.listPublished(since, collection, most);
      return versions.map(({ articleId, slug, version, title, collection: of, author, changeNote, at }) => ({
        id: `${articleId}.${version}`,
        at,
        data: { id: slug, title, collection: of, version, author, change_note: changeNote },
      }));
    });
  },
});
