import { OPEN_MS } from "./connector.ts";

/** Milliseconds below the pool's, so that the one that knows the socket closes it. */
const OWN_MS = OPEN_MS - 500;

/**
 * Runs what opens a socket and signs in. Where it fails, or a server that took the connection says nothing, the socket is
 * closed: a server that does not close it either would keep it for as long as the object lives.
 */
export async function openOrClose<Value>(
  open: () => Promise<Value>,
  close: () => void,
  mostMs = OWN_MS,
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
