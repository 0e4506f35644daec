import { OPEN_MS } from "./connector.ts";

/** A budget of time for several steps: tells what is left of `ms` milliseconds, at least one. */
export function budgetOf(ms = OPEN_MS): () => number {
  const end = Date.now() + ms;
  return () => Math.max(1, end - Date.now());
}

/**
 * Runs what opens a socket and signs in. Where it fails, or a server that took the connection says nothing, the socket is
 * closed: a server that does not close it either would keep it for as long as the object lives.
 */
export async function openOrClose<Value>(
  open: () => Promise<Value>,
  close: () => void,
  mostMs = OPEN_MS,
): Promise<Value> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`No answer within ${mostMs} ms.`)), mostMs);
  const opening = open();
  try {
    return await Promise.race([opening, late.promise]);
  } catch (failure) {
    opening.catch(() => {});
    close();
    throw failure;
  } finally {
    clearTimeout(timer);
  }
}
