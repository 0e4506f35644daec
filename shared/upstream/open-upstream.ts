import { ToolError } from "../call/tool-error.ts";
import { digestText } from "../encoding/canonical-json.ts";
import { log } from "../observe/log.ts";
import { startSpan } from "../observe/spans.ts";
import { currentTrace, passTrace } from "../observe/trace.ts";
import { boundBody } from "./bounded-body.ts";
import { findAddressFault } from "./outside-address.ts";

/** Redirects followed per request within an origin; browsers allow 20 (Fetch, «HTTP-redirect fetch»). */
const MOST_REDIRECTS = 5;

/**
 * Most bytes of one decoded response. An isolate has 128 MB for all its requests, and text takes up to two
 * bytes per character.
 */
const MOST_BYTES = 32 * 1024 * 1024;

const TRACE_HEADERS = ["traceparent", "tracestate"] as const;

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** The call on whose behalf an upstream is requested. */
export interface UpstreamCaller {
  env: Pick<Env, "PLAIN_HTTP_UPSTREAMS">;
  /** Name of the tool, resource or prompt, for the log. */
  name: string;
  traceId: string;
  /** Digest of the call's token. */
  tokenId: string;
  /** Aborted when the call is cancelled or times out. */
  signal: AbortSignal;
  /** Whether the other system gets `traceparent` and `tracestate`; it does without this field. */
  passesTrace?: boolean;
  /** Most bytes of one decoded response; {@link MOST_BYTES} without it. */
  mostBytes?: number;
}

/**
 * `fetch` for a call's HTTP requests to other systems: same parameters and response, whatever the status.
 * Each request is a span of the call's trace (W3C Trace Context: `traceparent`, and `tracestate` as
 * received, unless `passesTrace` is off), ends with the call, and writes one log line with host, status and duration. Refused are:
 * requests that contain the caller's token (MCP, «Token Passthrough»), plain HTTP to hosts outside
 * `PLAIN_HTTP_UPSTREAMS`, and redirects to another origin; with `redirect: "manual"` the tool handles
 * redirects itself.
 *
 * Throws {@link ToolError}: `timeout` or `cancelled` with the call, `unavailable` if the system cannot be
 * reached, `forbidden` for a refused request. Reading more than {@link MOST_BYTES} fails with `unavailable`.
 * A request's own signal ends it with that signal's reason.
 */
export function openUpstream(caller: UpstreamCaller): typeof fetch {
  return (input, init) => follow(new Request(input, init), caller);
}

/** Follows redirects within the origin, as `redirect: "follow"` does (Fetch, «HTTP-redirect fetch»). */
async function follow(request: Request, caller: UpstreamCaller): Promise<Response> {
  const mayFollow = request.redirect === "follow";
  let next = request;
  for (let followed = 0; ; followed += 1) {
    // Read before the body is used: a redirect that must repeat the body cannot be followed.
    const hadBody = next.body !== null;
    const response = await send(next, request.signal, caller);
    const location = response.headers.get("location");
    if (!mayFollow || !REDIRECTS.has(response.status) || location === null)
      return bound(response, next, caller);
    await response.body?.cancel();
    const target = URL.parse(location, next.url);
    const { origin, host } = new URL(next.url);
    if (target?.origin !== origin)
      throw refuse(`${host} redirects to another address, which is not followed.`);
    if (followed === MOST_REDIRECTS) throw refuse(`${host} redirects without an end.`);
    const isGet = response.status === 303 || (response.status < 303 && next.method === "POST");
    if (hadBody && !isGet)
      throw refuse(`${host} redirects data that was sent to it, which is not sent again.`);
    const method = isGet && next.method !== "HEAD" ? "GET" : next.method;
    next = new Request(target, { method, headers: withoutBody(next.headers, hadBody) });
  }
}

async function send(request: Request, ownSignal: AbortSignal, caller: UpstreamCaller): Promise<Response> {
  const { name, traceId, signal } = caller;
  const { host } = new URL(request.url);
  checkAddress(request, caller);
  const headers = new Headers(request.headers);
  const current = currentTrace();
  const running = current?.id === traceId ? current : { id: traceId, sampled: true, state: null };
  const span = startSpan(request.method, "client", current);
  span?.set({ "http.request.method": request.method, "server.address": host });
  if (caller.passesTrace ?? true)
    passTrace(headers, span === null ? running : { ...running, spanId: span.id });
  else for (const name of TRACE_HEADERS) headers.delete(name);
  const line = { name, host, method: request.method, trace_id: traceId };
  const startedAt = Date.now();
  try {
    signal.throwIfAborted();
    const response = await fetch(request, {
      headers,
      redirect: "manual",
      signal: AbortSignal.any([signal, ownSignal]),
    });
    span?.set({ "http.response.status_code": response.status });
    span?.end(response.status >= 400 ? String(response.status) : undefined);
    log("info", "upstream", { ...line, status: response.status, duration_ms: Date.now() - startedAt });
    return response;
  } catch (cause) {
    const error = explain(cause, host, signal, ownSignal);
    const outcome = error instanceof ToolError ? error.code : "cancelled";
    span?.end(outcome);
    log("warn", "upstream", { ...line, outcome, duration_ms: Date.now() - startedAt });
    throw error;
  }
}

/** Checks that need no network. */
function checkAddress({ url, headers }: Request, { env, tokenId }: UpstreamCaller): void {
  const { protocol, host, searchParams, pathname, username, password } = new URL(url);
  const plain = env.PLAIN_HTTP_UPSTREAMS.split(/\s+/);
  if (protocol !== "https:" && !(protocol === "http:" && plain.includes(host))) {
    throw refuse(`${host} was not asked: this deployment allows nothing but https to it.`);
  }
  // Part of the address may come from a caller. Hosts that the deployment configures are trusted.
  const fault = plain.includes(host) ? null : findAddressFault(url);
  if (fault !== null) throw refuse(`${host} was not asked: ${fault}, and this deployment does not name it.`);
  const parts = [...pathname.split("/"), username, password].map(decode);
  const texts = [...headers.values(), ...searchParams.keys(), ...searchParams.values(), ...parts];
  if (texts.some((text) => text.split(/[\s,;=]+/).some((word) => digestText(word) === tokenId))) {
    throw refuse(
      `${host} was not asked: the request held the token of the person's app, which is for Gatehouse alone.`,
    );
  }
}

/** The response with a body that fails above the limit: the upstream controls its size. */
function bound(response: Response, { url }: Request, { mostBytes }: UpstreamCaller): Response {
  if (response.body === null) return response;
  let left = mostBytes ?? MOST_BYTES;
  const body = boundBody(response.body, (piece) => {
    left -= piece.byteLength;
    if (left < 0) throw new ToolError("unavailable", `${new URL(url).host} answers with too much.`);
  });
  const bounded = new Response(body, response);
  // A constructed `Response` has no URL.
  return Object.defineProperty(bounded, "url", { value: response.url });
}

/** Percent-decoded, or unchanged if the encoding is invalid. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function explain(cause: unknown, host: string, signal: AbortSignal, ownSignal: AbortSignal): unknown {
  // The call's own reason: `timeout` or `cancelled`.
  if (signal.aborted) return signal.reason;
  if (ownSignal.aborted) return ownSignal.reason;
  return new ToolError("unavailable", `${host} could not be reached.`, { cause });
}

function refuse(text: string): ToolError {
  return new ToolError("forbidden", text, {
    suggestedAction: "Report this to an administrator; do not retry.",
  });
}

function withoutBody(headers: Headers, hadBody: boolean): Headers {
  const left = new Headers(headers);
  if (hadBody) for (const name of ["content-type", "content-length", "content-encoding"]) left.delete(name);
  return left;
}
