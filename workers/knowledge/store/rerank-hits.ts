import type { Reranker } from "../vectors/reranker.ts";
import { inTime } from "./in-time.ts";
import type { Hit } from "./rank-rows.ts";

/** As many of the best hits are read by the model; the others follow. */
const RERANKED = 20;
/** The model may take this long, in milliseconds; after that the order stays. */
const RERANKING_MS = 500;

/**
 * The hits with the first {@link RERANKED} in the order of the model. Scores stay with their places, so that they still
 * fall. As they were without a model, and when it fails or is late.
 */
export async function rerankHits(
  db: D1Database,
  question: string,
  hits: readonly Hit[],
  reranker: Reranker | undefined,
): Promise<readonly Hit[]> {
  if (reranker === undefined || hits.length < 2) return hits;
  const best = hits.slice(0, RERANKED);
  const places = await inTime(
    readTexts(db, best).then((texts) => reranker.order(question, texts)),
    RERANKING_MS,
  );
  if (places === undefined) return hits;
  const ordered = places.flatMap((place) => best[place] ?? []);
  return [
    ...ordered.map((hit, place) => ({ ...hit, score: best[place]?.score ?? hit.score })),
    ...hits.slice(RERANKED),
  ];
}

async function readTexts(db: D1Database, hits: readonly Hit[]): Promise<string[]> {
  const { results } = await db
    .prepare(
      `SELECT p.title || ' › ' || p.heading || char(10) || p.body AS text
      FROM json_each(?1) w CROSS JOIN passages p ON p.id = w.value ORDER BY w.key`,
    )
    .bind(JSON.stringify(hits.map(({ id }) => id)))
    .all<{ text: string }>();
  if (results.length !== hits.length) throw new Error("A passage is gone.");
  return results.map(({ text }) => text);
}
