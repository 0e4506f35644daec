import type { Subject } from "../call/subject.ts";
import { ToolError } from "../call/tool-error.ts";
import { digestText } from "../encoding/canonical-json.ts";
import { log } from "../observe/log.ts";
import { currentTrace, passTrace } from "../observe/trace.ts";
import type { RequestContext } from "./request-context.ts";

/** Redirects that one request follows within an origin, as browsers do (Fetch, «HTTP-redirect fetch»: 20) or fewer. */
const MOST_REDIRECTS = 5;

/**
 * Bytes of one answer, unpacked. An isolate has 128 MB for all that it serves at a time, and a text takes up to two bytes a
 * character there.
 */
const MOST_BYTES = 32 * 1024 * 1024;

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** On whose behalf another system is asked. */
interface UpstreamCaller {
  env: Pick<Env, "PLAIN_HTTP_UPSTREAMS">;
  /** Of the tool, resource or prompt, for the log. */
  name: string;
  traceId: string;
  /** Digest of the token that the call came with. */
  tokenId: string;
  /** Aborted when the call is cancelled or its time is up. */
  signal: AbortSignal;
}

/** {@link openUpstream} for a call in its lane. */
export function upstreamOf(
  { env, identity, traceId }: Pick<RequestContext, "env" | "identity" | "traceId">,
  { name }: Pick<Subject, "name">,
  signal: AbortSignal,
): typeof fetch {
  return openUpstream({ env, name, traceId, tokenId: identity.tokenId, signal });
}

/**
 * `fetch` for what a call asks of other systems over HTTP: same parameters, same answer, whatever its status. Each request
 * is a span of the call's trace (W3C Trace Context: `traceparent`, and `tracestate` as it came), ends with the call, and
 * leaves one log line with host, status and duration. The caller's token never goes along: a request that holds it is
 * refused (MCP, «Token Passthrough»). So are plain HTTP to hosts that `PLAIN_HTTP_UPSTREAMS` does not name, and
 * redirects to another origin; `redirect: "manual"` hands those to whoever can judge them.
 *
 * Throws {@link ToolError}: `timeout` or `cancelled` with the call, `unavailable` when the system cannot be reached,
 * `forbidden` for what is refused. Reading an answer of more than {@link MOST_BYTES} fails with `unavailable`. A
 * signal of the request's own ends it with its own reason.
 */
function openUpstream(caller: UpstreamCaller): typeof fetch {
  return (input, init) => follow(new Request(input, init), caller);
}

/** Follows redirects within the origin, as `redirect: "follow"` means it (Fetch, «HTTP-redirect fetch»). */
async function follow(request: Request, caller: UpstreamCaller): Promise<Response> {
  const mayFollow = request.redirect === "follow";
  let next = request;
  for (let followed = 0; ; followed += 1) {
    // Before the body is used: a redirect may have to send it once more, and then cannot.
    const hadBody = next.body !== null;
    const response = await send(next, request.signal, caller);
    const location = response.headers.get("location");
    if (!mayFollow || !REDIRECTS.has(response.status) || location === null) return bound(response, next);
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
  const running = currentTrace();
  passTrace(headers, running?.id === traceId ? running : { id: traceId, sampled: true, state: null });
  const line = { name, host, method: request.method, trace_id: traceId };
  const startedAt = Date.now();
  try {
    signal.throwIfAborted();
    const response = await fetch(request, {
      headers,
      redirect: "manual",
      signal: AbortSignal.any([signal, ownSignal]),
    });
    log("info", "upstream", { ...line, status: response.status, duration_ms: Date.now() - startedAt });
    return response;
  } catch (cause) {
    const error = explain(cause, host, signal, ownSignal);
    const outcome = error instanceof ToolError ? error.code : "cancelled";
    log("warn", "upstream", { ...line, outcome, duration_ms: Date.now() - startedAt });
    throw error;
  }
}

/** What is known before anything leaves. */
function checkAddress({ url, headers }: Request, { env, tokenId }: UpstreamCaller): void {
  const { protocol, host, searchParams, pathname, username, password } = new URL(url);
  const plain = env.PLAIN_HTTP_UPSTREAMS.split(/\s+/);
  if (protocol !== "https:" && !(protocol === "http:" && plain.includes(host))) {
    throw refuse(`${host} was not asked: this deployment allows nothing but https to it.`);
  }
  const parts = [...pathname.split("/"), username, password].map(decode);
  const texts = [...headers.values(), ...searchParams.keys(), ...searchParams.values(), ...parts];
  if (texts.some((text) => text.split(/[\s,;=]+/).some((word) => digestText(word) === tokenId))) {
    throw refuse(
      `${host} was not asked: the request held the token of the person's app, which is for Gatehouse alone.`,
    );
  }
}

/** The answer with a body that fails when it grows too large: whoever is asked decides how much they send. */
function bound(response: Response, { url }: Request): Response {
  if (response.body === null) return response;
  let left = MOST_BYTES;
  const counter = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      left -= chunk.byteLength;
      if (left >= 0) controller.enqueue(chunk);
      else controller.error(new ToolError("unavailable", `${new URL(url).host} answers with too much.`));
    },
  });
  const bounded = new Response(response.body.pipeThrough(counter), response);
  // What a response that is made here does not know.
  return Object.defineProperty(bounded, "url", { value: response.url });
}

/** Percent-decoded, or as it is where that cannot be. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function explain(cause: unknown, host: string, signal: AbortSignal, ownSignal: AbortSignal): unknown {
  // The call's own end: `timeout` or `cancelled`.
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
