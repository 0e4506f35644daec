import { z } from "zod";
import type { JsonValue } from "../../shared/encoding/json.ts";
import { warnWhenStale } from "./store/review.ts";
import { type Article, articleUri } from "./store/rows.ts";

/** Metadata of an article for an answer. Keys are snake case; metadata of an import is added unchanged. */
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

/** Output of a write: the article's address and version. */
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
