import { ToolError } from "../../../shared/call/tool-error.ts";
import type { McpEntry } from "../../../shared/connections/kinds/mcp.ts";
import type { ConnectionTarget } from "../../../shared/objects/connection-gate.ts";
import { openUpstream } from "../../../shared/upstream/open-upstream.ts";
import { LostSession, RefusedRequest } from "../connector.ts";
import { tooMany } from "../http/too-many.ts";
import type { Credential } from "./credential.ts";
import { boundSilence } from "./event-stream.ts";

/** Most bytes of one response of an MCP server: a list, or the stream of one call. */
const MOST_BYTES = 6_000_000;

/** The call that a request belongs to. */
export interface RequestOwner {
  traceId: string;
  /** Digest of the caller's token, which never leaves. */
  tokenId: string;
  signal: AbortSignal;
  /** Counts a request. Throws where the server had too many of them sent. */
  count(): void;
}

/**
 * The `fetch` of one session: to the server's own origin alone, through the rules for requests outside of
 * Gatehouse, with the connection's credential, which is renewed once when the server refuses it.
 */
export function openAuthorizedFetch(
  env: Env,
  { name, entry }: ConnectionTarget,
  credential: Credential,
  ownerOf: () => RequestOwner,
): (input: string | URL, init?: RequestInit) => Promise<Response> {
  const { url, headers: fixed, trace: passesTrace = false } = (entry as McpEntry).reach;
  const { origin } = new URL(url);
  return async (input, init) => {
    if (new URL(input).origin !== origin)
      throw new TypeError("An MCP server is asked at its own origin alone.");
    if (isIdleStream(init)) return new Response(null, { status: 405 });
    ownerOf().count();
    const ask = (given: Record<string, string>) => {
      const headers = new Headers(init?.headers);
      for (const [header, value] of Object.entries({ ...fixed, ...given })) headers.set(header, value);
      const upstream = openUpstream({ env, name, passesTrace, mostBytes: MOST_BYTES, ...ownerOf() });
      return upstream(String(input), { ...init, headers });
    };
    const hasSession = new Headers(init?.headers).has("mcp-session-id");
    let response = await ask(await credential.headers(false));
    if (response.status === 401) {
      await response.body?.cancel();
      response = await ask(await credential.headers(true));
    }
    if (response.status === 429) {
      await response.body?.cancel();
      throw new RefusedRequest({ ...tooMany(entry.title, response.headers), sent: false });
    }
    const target = response.headers.get("location");
    if (response.status >= 300 && response.status < 400 && target !== null) {
      // The SDK's client follows within the origin alone, and calls anything else an outage.
      if (URL.parse(target, url)?.origin !== origin) {
        await response.body?.cancel();
        throw new ToolError(
          "forbidden",
          "The MCP server redirects to another address, which is not followed.",
          { suggestedAction: "Report this to an administrator; do not retry." },
        );
      }
    }
    if (response.status === 404 && hasSession && init?.method === "POST") {
      await response.body?.cancel();
      throw new LostSession("The server does not know the session any more.");
    }
    return isEventStream(response) ? withBoundSilence(response, entry.title) : response;
  };
}

function isEventStream({ headers, body }: Response): boolean {
  return body !== null && (headers.get("content-type") ?? "").toLowerCase().startsWith("text/event-stream");
}

function withBoundSilence(response: Response, title: string): Response {
  return new Response(boundSilence(response.body as ReadableStream<Uint8Array>, title), response);
}

/**
 * The stream on which a server of 2025 sends what belongs to no request. Changes are found by looking, and a
 * stream for each session would keep its object busy. A stream that is resumed belongs to a call.
 */
function isIdleStream(init: RequestInit | undefined): boolean {
  return (init?.method ?? "GET") === "GET" && !new Headers(init?.headers).has("last-event-id");
}
