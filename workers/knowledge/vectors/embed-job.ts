import { openVectorSide } from "./vector-side.ts";

/** Articles per batch, and duration of one run in milliseconds. */
const BATCH = 10;
const RUN_MS = 60_000;

/**
 * Embeds articles that the vector index lacks, until none is left or a minute has passed; the next run
 * continues. Does nothing without the bindings. A failure is logged, and the next run retries.
 */
export async function embedArticles(env: Env): Promise<void> {
  const vectors = openVectorSide(env, env.KNOWLEDGE_DB);
  if (vectors === undefined) return;
  const until = Date.now() + RUN_MS;
  try {
    while (Date.now() < until) {
      const { embedded, remaining } = await vectors.embed(BATCH, new Date());
      if (!remaining || embedded === 0) return;
    }
  } catch (failure) {
    console.error({
      message: "Articles could not be embedded; the next run tries again.",
      failure: String(failure),
    });
  }
}
