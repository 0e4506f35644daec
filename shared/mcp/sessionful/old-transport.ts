import { openKeyring } from "../../auth/keyring.ts";
import { createSessionId, openSessionId, type SessionOwner, sealSessionId } from "../../auth/session-seal.ts";
import { stubOf } from "../../objects/open-object.ts";
import { STREAM_HEADER } from "../http/headers.ts";
import { streamSocket } from "../http/socket-stream.ts";

/**
 * The transport of 2024-11-05, HTTP+SSE: a GET opens the session's one stream, whose first event names the
 * address for messages. Each POST to it gets 202, and its JSON-RPC response on the stream. The address is the
 * MCP URL itself with the sealed session id, so that tokens are for the same resource as everywhere.
 */

/** Query parameter that carries the sealed id. */
export const OLD_SESSION = "sessionId";

/** Addressing of session objects. */
export interface OldSessions {
  env: Env;
  namespace: DurableObjectNamespace;
  owner: SessionOwner;
  /** What of the object's name follows the transport. */
  objectIdOf(sessionId: string): string;
  /** Headers for the object: what the client may hand on, who it is, and `name` as the object's own name. */
  headersFor(name: string): Headers;
}

/** Opens a session and its stream. */
export async function openOldStream(request: Request, sessions: OldSessions): Promise<Response> {
  const id = createSessionId();
  const headers = sessions.headersFor(nameOf(sessions, id));
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

/** Passes one message to its session; `null` if the id is not this owner's. */
export async function postToOldSession(
  request: Request,
  text: string,
  sealed: string,
  sessions: OldSessions,
): Promise<Response | null> {
  const keyring = openKeyring(sessions.env, "SESSION_SEAL_KEY");
  const id = await openSessionId(keyring, sealed, sealedFor(sessions));
  if (id === null) return null;
  const headers = sessions.headersFor(nameOf(sessions, id));
  return objectOf(sessions, id).fetch(new Request(request.url, { method: "POST", headers, body: text }));
}

/** How the agents library names an object of this transport. */
function nameOf({ objectIdOf }: OldSessions, id: string): string {
  return `sse:${objectIdOf(id)}`;
}

function objectOf(sessions: OldSessions, id: string): DurableObjectStub {
  const { env, namespace } = sessions;
  return stubOf(env, namespace, nameOf(sessions, id));
}

/** Seals of the two transports cannot be exchanged. */
function sealedFor({ owner }: OldSessions): SessionOwner {
  return { ...owner, server: `sse:${owner.server}` };
}
