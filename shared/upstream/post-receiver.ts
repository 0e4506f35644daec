import { logFailure } from "../observe/log.ts";
import { findAddressFault } from "./outside-address.ts";
import { fetchOutside } from "./outside-fetch.ts";

/** Milliseconds that a receiver has for a whole answer. */
const TIMEOUT_MS = 5_000;

/** Most bytes of an answer that are read. */
const MOST_BYTES = 8_192;

/** Longest address of a receiver, in characters. */
const LONGEST_URL = 2_048;

/** Why a receiver did not take a message (SEP-3415, «Webhook delivery status»). Never a text of the receiver. */
export type ReceiverFault =
  | "connection_refused"
  | "timeout"
  | "tls_error"
  | "http_4xx"
  | "http_5xx"
  | "challenge_failed";

/** An answer: its status, and the beginning of its text where that was asked for. */
export type ReceiverAnswer = { status: number; text: string } | { fault: ReceiverFault };

/**
 * Why messages are not sent to an address; `null` if they may be. Loopback addresses over plain HTTP are for `npm start`
 * and tests: a deployment refuses them.
 */
export function findReceiverFault(
  env: Pick<Env, "ENVIRONMENT" | "PUBLIC_URL">,
  address: string,
): string | null {
  const url = URL.parse(address);
  if (url === null || address.length > LONGEST_URL) return "it is no address";
  if (url.username !== "" || url.password !== "") return "it holds credentials";
  if (url.hash !== "") return "it has a fragment";
  if (isLocalReceiver(env, url)) return null;
  if (url.protocol !== "https:") return "it is not https";
  if (url.host === URL.parse(env.PUBLIC_URL)?.host) return "it is Gatehouse itself";
  return findAddressFault(url);
}

/**
 * Posts a message to a receiver that a client named. The address is checked again, no redirect is followed, and a
 * receiver that answers slowly or without an end is left. Never rejects.
 *
 * @param wantsText - whether the text of a 2xx answer is read
 */
export async function postToReceiver(
  env: Pick<Env, "ENVIRONMENT" | "PUBLIC_URL">,
  address: string,
  { headers, body }: { headers: Record<string, string>; body: string },
  wantsText = false,
): Promise<ReceiverAnswer> {
  if (findReceiverFault(env, address) !== null) return { fault: "connection_refused" };
  const late = new AbortController();
  const { signal } = late;
  // Not `AbortSignal.timeout`, which cannot be ended and would keep an object awake.
  const timer = setTimeout(() => late.abort(), TIMEOUT_MS);
  const init = { method: "POST", headers, body, signal, redirect: "manual" } as const;
  try {
    const isLocal = isLocalReceiver(env, new URL(address));
    const answer = isLocal ? await fetch(address, init) : await fetchOutside(address, init);
    const text = wantsText && answer.ok ? await readBounded(answer) : "";
    // Not awaited: a receiver may keep its answer open.
    answer.body?.cancel().catch(() => {});
    return { status: answer.status, text };
  } catch (failure) {
    if (signal.aborted) return { fault: "timeout" };
    logFailure("receiver_not_reached", failure, { host: new URL(address).host });
    return { fault: /tls|certificate|ssl/i.test(String(failure)) ? "tls_error" : "connection_refused" };
  } finally {
    clearTimeout(timer);
  }
}

/** The category of a status that is not 2xx. A redirect is not followed, so it is one of these too. */
export function faultOfStatus(status: number): ReceiverFault {
  return status >= 500 ? "http_5xx" : "http_4xx";
}

function isLocalReceiver({ ENVIRONMENT }: Pick<Env, "ENVIRONMENT">, { protocol, hostname }: URL): boolean {
  return ENVIRONMENT === "local" && protocol === "http:" && ["127.0.0.1", "[::1]"].includes(hostname);
}

/** The beginning of a text. */
async function readBounded({ body }: Response): Promise<string> {
  if (body === null) return "";
  const decoder = new TextDecoder();
  const reader = body.getReader();
  let text = "";
  for (let read = 0; read < MOST_BYTES; ) {
    const { done, value } = await reader.read();
    if (done) break;
    read += value.byteLength;
    text += decoder.decode(value.subarray(0, MOST_BYTES), { stream: true });
  }
  reader.releaseLock();
  return text;
}
