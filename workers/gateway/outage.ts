/** Milliseconds after which a probed store counts as unavailable. */
const PATIENCE_MS = 2_000;

/** A key without an owner. */
const PROBE = "outage-probe";

/** Prefixes of the platform's own errors: D1, KV, R2, Queues, and general ones. */
const PLATFORM_ERROR =
  /^(?:D1_ERROR|KV \w+ failed|(?:get|put|head|list|delete): |Queue \w+ failed|internal error|Network connection lost)|Durable Object .*(?:reset|overloaded|timeout)|too many requests/i;

/**
 * Whether a failure comes from an unavailable database, store or object rather than our own code. If the
 * error does not tell, the stores are probed: while the platform database or the store of registrations is
 * unavailable, every failure counts as an outage.
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
    // better-auth reports a failed database only by this status.
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
