import { z } from "zod";
import { defineEvent, type EventContext } from "../../../shared/server/define-event.ts";
import { readByTime } from "../../../shared/server/time-place.ts";
import { collectionField } from "../article-limits.ts";
import type { KnowledgeStore } from "../store.ts";

/** Owner or review date of an article were set. */
export const articleReviewed = defineEvent({
  name: "knowledge_article_reviewed",
  title: "Article reviewed",
  description: "Owner or next review of an article were set. Read the article with fetch.",
  scope: "knowledge:read",
  input: z.object({ collection: collectionField.optional().describe("Only articles of this collection") }),
  payload: z.object({
    id: z.string(),
    title: z.string(),
    collection: z.string(),
    owner: z.string().nullable(),
    review_on: z.string().nullable(),
    reviewed_by: z.string().nullable(),
  }),
  async read({ arguments: { collection }, after, limit }, { store, now }: EventContext<KnowledgeStore>) {
    return await readByTime(after, limit, now, async (since, most) => {
      const articles = await store.listReviewed(since, collection, most);
      return articles.map(({ articleId, slug, title, collection: of, owner, reviewOn, reviewedBy, at }) => ({
        id: `${articleId}.${at}`,
        at,
        data: { id: slug, title, collection: of, owner, review_on: reviewOn, reviewed_by: reviewedBy },
      }));
    });
  },
});
