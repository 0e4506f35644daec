import { AsyncLocalStorage } from "node:async_hooks";
import { log } from "../observe/log.ts";
import { findAddressFault } from "./outside-address.ts";

const asking = new AsyncLocalStorage<true>();
const plainFetch = globalThis.fetch.bind(globalThis);

/**
 * While `work` runs, `fetch` requests public addresses only, over https, and returns redirects instead of
 * following them. For libraries that fetch client-supplied addresses (an app's metadata document and the keys
 * it names) and accept no `fetch` option; other code in the isolate is unaffected.
 */
export function askOutside<Result>(work: () => Result): Result {
  return asking.run(true, work);
}

/** The `fetch` of {@link askOutside}. Rejects with a `TypeError`, as for an unreachable host. */
export async function fetchOutside(
  input: Parameters<typeof fetch>[0],
  init: Parameters<typeof fetch>[1],
  ask: typeof fetch = plainFetch,
): Promise<Response> {
  const url = new URL(input instanceof Request ? input.url : String(input));
  const fault = url.protocol === "https:" ? findAddressFault(url) : "it is not https";
  if (fault !== null) {
    log("warn", "outside_address_refused", { reason: fault });
    throw new TypeError(`This address is not asked: ${fault}.`);
  }
  // The target of a redirect has not been checked.
  return await ask(input, { ...init, redirect: "manual" });
}

globalThis.fetch = ((input: Parameters<typeof fetch>[0], init: Parameters<typeof fetch>[1]) =>
  asking.getStore() ? fetchOutside(input, init) : plainFetch(input, init)) as typeof fetch;
