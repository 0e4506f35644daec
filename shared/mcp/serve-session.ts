import { encodeIdentity, IDENTITY_HEADER } from "../auth/identity-header.ts";
import { openKeyring } from "../auth/keyring.ts";
import { createSessionId, openSessionId, type SessionOwner, sealSessionId } from "../auth/session-seal.ts";
import { JSON_RPC, jsonRpcError } from "../call/protocol-fault.ts";
import { placeNamespace, stubOf } from "../objects/open-object.ts";
import { objectIdOf } from "../objects/session-name.ts";
import { passTrace, traceOf } from "../observe/trace.ts";
import { PUBLICATION_HEADER } from "../policy/reference.ts";
import { checkAccess } from "./check-access.ts";
import { accepts } from "./http/content-headers.ts";
import { BINDING_HEADER, SESSION_HEADER, STREAM_HEADER } from "./http/headers.ts";
import { streamSocket } from "./http/socket-stream.ts";
import type { LaneOptions, ReadMessage } from "./lane-options.ts";
import type { Caller } from "./message-target.ts";
import { findParamsFault } from "./methods/request-params.ts";
import { BATCH_HEADER } from "./sessionful/batch.ts";
import {
  OLD_SESSION,
  type OldSessions,
  openOldStream,
  postToOldSession,
} from "./sessionful/old-transport.ts";

/**
 * Client headers that are forwarded to the session's object. All others, such as cookies and tokens, are
 * dropped.
 */
const FORWARDED_HEADERS = ["accept", "content-type", "last-event-id", "mcp-protocol-version"];

/**
 * Serves a message of the sessionful generation: `initialize` opens a session and gives it its sealed id, every other message
 * goes to the object of the session that its header names, if this caller opened it.
 */
export async function serveSessionPost(
  request: Request,
  read: ReadMessage,
  options: LaneOptions,
  caller: Caller,
): Promise<Response> {
  const old = options.oldTransport ? new URL(request.url).searchParams.get(OLD_SESSION) : null;
  const fault = findParamsFault(read.body);
  if (old !== null) {
    if (fault !== null) return Response.json(fault);
    const sessions = oldSessions(request, options, caller);
    return (await postToOldSession(request, read.text, old, sessions)) ?? sessionNotFound();
  }
  const sealed = request.headers.get(SESSION_HEADER);
  const starting = read.body.method === "initialize" && read.body.id !== undefined;
  if (starting && sealed !== null) {
    return jsonRpcError(
      400,
      JSON_RPC.invalidRequest,
      "initialize starts a new session: send it without Mcp-Session-Id.",
    );
  }
  if (!starting && sealed === null) {
    return jsonRpcError(
      400,
      JSON_RPC.serverError,
      "The Mcp-Session-Id header is missing. Start with initialize.",
    );
  }
  if (fault !== null) return Response.json(fault);
  const owner = ownerOf(options, caller);
  const keyring = openKeyring(caller.env, "SESSION_SEAL_KEY");
  const id = sealed === null ? createSessionId() : await openSessionId(keyring, sealed, owner);
  if (id === null) return sessionNotFound();
  const name = `streamable-http:${objectIdIn(options, id)}`;
  const headers = sessionHeaders(request, name, options, caller);
  if (read.inBatch) headers.set(BATCH_HEADER, "1");
  const response = await stubOf(caller.env, options.namespace, name).fetch(
    new Request(request.url, { method: "POST", headers, body: read.text }),
  );
  if (!starting || !response.ok) return response;
  return withSession(response, await sealSessionId(keyring, id, owner));
}

/** GET opens the session's stream, DELETE ends the session; both only for the owner. */
export async function serveSessionVerb(
  request: Request,
  options: LaneOptions,
  caller: Caller,
): Promise<Response> {
  const sealed = request.headers.get(SESSION_HEADER);
  if (sealed === null && options.oldTransport && request.method === "GET") {
    const standing = await checkAccess(caller, options.reconnect);
    if (standing instanceof Response) return standing;
    return openOldStream(request, oldSessions(request, options, standing));
  }
  if (sealed === null) {
    // Without a session there is no stream: the specification asks for 405.
    return jsonRpcError(405, JSON_RPC.serverError, "Send a POST with initialize first.", { allow: "POST" });
  }
  const standing = await checkAccess(caller, options.reconnect);
  if (standing instanceof Response) return standing;
  const keyring = openKeyring(caller.env, "SESSION_SEAL_KEY");
  const id = await openSessionId(keyring, sealed, ownerOf(options, caller));
  if (id === null) return sessionNotFound();
  const name = `streamable-http:${objectIdIn(options, id)}`;
  const headers = sessionHeaders(request, name, options, standing);
  if (request.method === "GET") {
    return withSession(
      await openStream(request, headers, stubOf(caller.env, options.namespace, name)),
      sealed,
    );
  }
  headers.set(SESSION_HEADER, objectIdIn(options, id));
  const inner = new Request(request.url, { method: request.method, headers, signal: request.signal });
  const env = { ...caller.env, [options.binding]: placeNamespace(caller.env, options.namespace) };
  const response = await options.door.fetch(inner, env, contextWithoutProps(caller.ctx));
  return withSession(response, sealed);
}

/**
 * Opens the stream for messages that belong to no request, or resumes one response (MCP 2025-11-25,
 * «Listening for Messages from the Server»). The library's own implementation does not notice that a client
 * has disconnected.
 */
async function openStream(request: Request, headers: Headers, object: DurableObjectStub): Promise<Response> {
  if (!accepts(request.headers, "text/event-stream")) {
    return jsonRpcError(406, JSON_RPC.serverError, "Accept must name text/event-stream.");
  }
  headers.set("accept", "text/event-stream");
  headers.set("upgrade", "websocket");
  headers.set(STREAM_HEADER, "GET");
  const response = await object.fetch(new Request(request.url, { headers }));
  return response.webSocket ? streamSocket(response.webSocket, { toEvents: readEvents }) : response;
}

/** Reads what the library sends over a session's socket: SSE events as text, mixed with its own messages. */
function readEvents(message: string): string | null {
  const { type, event } = JSON.parse(message) as { type?: string; event?: string };
  return type === "cf_mcp_agent_event" ? (event ?? null) : null;
}

function objectIdIn({ sharedClass, catalogue }: LaneOptions, id: string): string {
  return objectIdOf(id, sharedClass && catalogue.name !== "" ? catalogue.name : null);
}

function ownerOf(options: LaneOptions, { identity }: Caller): SessionOwner {
  return { userId: identity.userId, clientId: identity.clientId, server: options.catalogue.name };
}

function oldSessions(request: Request, options: LaneOptions, caller: Caller): OldSessions {
  return {
    env: caller.env,
    namespace: options.namespace,
    owner: ownerOf(options, caller),
    objectIdOf: (id) => objectIdIn(options, id),
    headersFor: (name) => sessionHeaders(request, name, options, caller),
  };
}

function sessionHeaders(
  request: Request,
  name: string,
  { binding }: LaneOptions,
  { identity, policy }: Caller,
): Headers {
  const headers = new Headers();
  for (const name of FORWARDED_HEADERS) {
    const value = request.headers.get(name);
    if (value !== null) headers.set(name, value);
  }
  headers.set(IDENTITY_HEADER, encodeIdentity(identity));
  headers.set(BINDING_HEADER, binding);
  headers.set(PUBLICATION_HEADER, String(policy.publication));
  passTrace(headers, traceOf(request.headers));
  // Header in which the agents library expects the name of an object that it did not address itself.
  headers.set("x-partykit-room", name);
  return headers;
}

/**
 * The library stores `ctx.props` unencrypted in the session's object; data of a grant must not be stored
 * there.
 */
function contextWithoutProps(ctx: ExecutionContext): ExecutionContext {
  return {
    waitUntil: (promise: Promise<unknown>) => ctx.waitUntil(promise),
    passThroughOnException: () => ctx.passThroughOnException(),
  } as ExecutionContext;
}

/** The response with its session's id, which browser pages may read too (Fetch standard, CORS). */
function withSession(response: Response, sealed: string): Response {
  const headers = new Headers(response.headers);
  headers.set(SESSION_HEADER, sealed);
  headers.append("access-control-expose-headers", SESSION_HEADER);
  return new Response(response.body, { status: response.status, headers });
}

function sessionNotFound(): Response {
  return jsonRpcError(404, JSON_RPC.sessionNotFound, "Session not found. Start a new one with initialize.");
}
