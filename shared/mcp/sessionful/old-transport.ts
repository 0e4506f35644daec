import { openKeyring } from "../../auth/keyring.ts";
import { createSessionId, openSessionId, type SessionOwner, sealSessionId } from "../../auth/session-seal.ts";
import { stubOf } from "../../objects/open-object.ts";
import { STREAM_HEADER } from "../http/headers.ts";
import { streamSocket } from "../http/socket-stream.ts";

/**
 * The transport of 2024-11-05, HTTP+SSE: a GET opens the session's one stream, whose first event names the address for
 * messages; each POST to it is answered with 202 there and with JSON-RPC on the stream. The address is the MCP URL
 * itself with the sealed session id, so tokens are for the same resource as everywhere.
 */

/** Query parameter that carries the sealed id. */
export const OLD_SESSION = "sessionId";

/** What addresses the object of a session. */
export interface OldSessions {
  env: Env;
  namespace: DurableObjectNamespace;
  owner: SessionOwner;
  /** Headers for the object: what the client may hand on, who it is, and `name` as the object's own name. */
  headersFor(name: string): Headers;
}

/** Opens a session and its stream. */
export async function openOldStream(request: Request, sessions: OldSessions): Promise<Response> {
  const id = createSessionId();
  const headers = sessions.headersFor(nameOf(id));
  headers.set("upgrade", "websocket");
  headers.set(STREAM_HEADER, "SSE");
  const { webSocket } = await objectOf(sessions, id).fetch(new Request(request.url, { headers }));
  if (!webSocket) return new Response(null, { status: 503 });
  const sealed = await sealSessionId(openKeyring(sessions.env, "SESSION_SEAL_KEY"), id, sealedFor(sessions));
  const { pathname } = new URL(request.url);
  const endpoint = `event: endpoint\ndata: ${pathname}?${new URLSearchParams({ [OLD_SESSION]: sealed })}\n\n`;
  return streamSocket(webSocket, {
    first: endpoint,
    toEvents: (message) => `event: message\ndata: ${message}\n\n`,
  });
}

/** Hands one message to its session; `null` when the id is not this owner's. */
export async function postToOldSession(
  request: Request,
  text: string,
  sealed: string,
  sessions: OldSessions,
): Promise<Response | null> {
  const keyring = openKeyring(sessions.env, "SESSION_SEAL_KEY");
  const id = await openSessionId(keyring, sealed, sealedFor(sessions));
  if (id === null) return null;
  const headers = sessions.headersFor(nameOf(id));
  return objectOf(sessions, id).fetch(new Request(request.url, { method: "POST", headers, body: text }));
}

/** How the agents library names an object of this transport. */
function nameOf(id: string): string {
  return `sse:${id}`;
}

function objectOf({ env, namespace }: OldSessions, id: string): DurableObjectStub {
  return stubOf(env, namespace, nameOf(id));
}

/** A seal of one transport opens nothing of the other. */
function sealedFor({ owner }: OldSessions): SessionOwner {
  return { ...owner, server: `sse:${owner.server}` };
}
