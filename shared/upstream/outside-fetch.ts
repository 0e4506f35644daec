import { AsyncLocalStorage } from "node:async_hooks";
import { log } from "../observe/log.ts";
import { findAddressFault } from "./outside-address.ts";

const asking = new AsyncLocalStorage<true>();
const plainFetch = globalThis.fetch.bind(globalThis);

/**
 * While `work` runs, `fetch` asks public addresses only, over https, and hands redirects back instead of following them.
 * For libraries that fetch what a stranger named (an app's metadata document, the keys that it names) and take no
 * `fetch` of ours; everything else in the isolate is as before.
 */
export function askOutside<Result>(work: () => Result): Result {
  return asking.run(true, work);
}

/** The `fetch` of {@link askOutside}. Rejects with a `TypeError`, as for a host that cannot be reached. */
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
  // Where a redirect leads has not been looked at.
  return await ask(input, { ...init, redirect: "manual" });
}

globalThis.fetch = ((input: Parameters<typeof fetch>[0], init: Parameters<typeof fetch>[1]) =>
  asking.getStore() ? fetchOutside(input, init) : plainFetch(input, init)) as typeof fetch;
