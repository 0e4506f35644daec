/** Milliseconds after which something that is asked whether it is there counts as away. */
const PATIENCE_MS = 2_000;

/** A key that belongs to no one. */
const PROBE = "outage-probe";

/** How the platform's own errors begin: D1, KV, R2, Queues, and what it says of any of them. */
const PLATFORM_ERROR =
  /^(?:D1_ERROR|KV \w+ failed|(?:get|put|head|list|delete): |Queue \w+ failed|internal error|Network connection lost)|Durable Object .*(?:reset|overloaded|timeout)|too many requests/i;

/**
 * Whether a failure came from a database, store or object that does not answer, and not from our own code. What the
 * error does not tell is asked: while the platform database or the store of registrations is away, every failure is
 * taken for its doing.
 */
export async function isOutage(failure: unknown, env: Env): Promise<boolean> {
  if (isPlatformError(failure)) return true;
  const answers = await Promise.all([
    answersInTime(() => env.PLATFORM_DB.prepare("SELECT 1").first()),
    answersInTime(() => env.OAUTH_KV.get(PROBE)),
  ]);
  return answers.includes(false);
}

function isPlatformError(failure: unknown): boolean {
  for (let error = failure; error instanceof Error; error = error.cause) {
    const { retryable, overloaded, durableObjectReset, statusCode } = error as Error &
      Record<string, unknown>;
    if (retryable === true || overloaded === true || durableObjectReset === true) return true;
    // better-auth tells nothing else of a database that failed under it.
    if (typeof statusCode === "number" && statusCode >= 500) return true;
    if (PLATFORM_ERROR.test(error.message)) return true;
  }
  return false;
}

async function answersInTime(ask: () => Promise<unknown>): Promise<boolean> {
  const over = new AbortController();
  try {
    return await Promise.race([
      ask().then(() => true),
      scheduler.wait(PATIENCE_MS, { signal: over.signal }).then(() => false),
    ]);
  } catch {
    return false;
  } finally {
    over.abort();
  }
}
