/** Owner and review date of an article. Undefined fields keep their value; `null` clears one. */
export interface Review {
  owner?: string | null | undefined;
  /** ISO 8601 day. */
  reviewOn?: string | null | undefined;
}

/** Writes owner and review date. The text and its version stay: a review is not a change. */
export async function writeReview(
  db: D1Database,
  articleId: number,
  review: Review,
  by: string,
  now: Date,
): Promise<void> {
  const { owner, reviewOn } = review;
  await db
    .prepare(
      `UPDATE articles SET owner = CASE WHEN ?2 THEN ?3 ELSE owner END,
        review_on = CASE WHEN ?4 THEN ?5 ELSE review_on END, reviewed_at = ?6, reviewed_by_name = ?7 WHERE id = ?1`,
    )
    .bind(
      articleId,
      owner === undefined ? 0 : 1,
      owner ?? null,
      reviewOn === undefined ? 0 : 1,
      reviewOn ?? null,
      now.toISOString(),
      by,
    )
    .run();
}

/** Warning for an article past its review date, else `undefined`. Days are UTC. */
export function warnWhenStale(
  article: { owner: string | null; reviewOn: string | null },
  now: Date,
): string | undefined {
  if (article.reviewOn === null || article.reviewOn >= now.toISOString().slice(0, 10)) return undefined;
  const ask =
    article.owner === null ? "Check it before you rely on it" : `Ask ${article.owner} before you rely on it`;
  return `This article was to be reviewed by ${article.reviewOn} and may be out of date. ${ask}.`;
}

/** The same as the field of an answer; empty before the review date. */
export function warnHit(
  hit: { owner: string | null; reviewOn: string | null },
  now: Date,
): { warning?: string } {
  const warning = warnWhenStale(hit, now);
  return warning === undefined ? {} : { warning };
}
