import { z } from "zod";
import type { JsonValue } from "../../shared/encoding/json.ts";
import { warnWhenStale } from "./store/review.ts";
import { type Article, articleUri } from "./store/rows.ts";

/** The facts about an article that go with its text. Keys are snake case; facts of an import are added as they are. */
export function describeArticle(article: Article, now: Date): Record<string, JsonValue> {
  const warning = warnWhenStale(article, now);
  return {
    ...article.metadata,
    ...(warning !== undefined && { warning }),
    ...(article.owner !== null && { owner: article.owner }),
    ...(article.reviewOn !== null && { review_on: article.reviewOn }),
    collection: article.collection,
    tags: article.tags,
    version: article.version,
    current_version: article.currentVersion,
    updated_at: article.updatedAt,
    updated_by: article.updatedBy,
    created_at: article.createdAt,
    created_by: article.createdBy,
  };
}

/** What a write gives back: where the article is and at which version. */
export const savedArticle = z.object({
  id: z.string(),
  url: z.string(),
  title: z.string(),
  collection: z.string(),
  version: z.int().describe("expected_version of the next update."),
});

/** Fills {@link savedArticle}. */
export function describeSaved(article: Article): z.input<typeof savedArticle> {
  return {
    id: article.slug,
    url: articleUri(article.slug),
    title: article.title,
    collection: article.collection,
    version: article.version,
  };
}
