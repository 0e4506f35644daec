import { hostHeaderValidationResponse, isLegacyRequest } from "@modelcontextprotocol/server";
import { encodeIdentity, IDENTITY_HEADER } from "../auth/identity-header.ts";
import { openKeyring } from "../auth/keyring.ts";
import { createSessionId, openSessionId, type SessionOwner, sealSessionId } from "../auth/session-seal.ts";
import { JSON_RPC, jsonRpcError } from "../call/protocol-fault.ts";
import { placeNamespace, stubOf } from "../objects/open-object.ts";
import { objectIdOf } from "../objects/session-name.ts";
import { flushSpans, isTracing, startSpan, withinSpan, withMessage } from "../observe/spans.ts";
import { passTrace, traceOf } from "../observe/trace.ts";
import { PUBLICATION_HEADER } from "../policy/reference.ts";
import type { Catalogue } from "../server/catalogue.ts";
import { checkParameterHeaders } from "../server/parameter-headers.ts";
import { askToReconnect, checkAccess } from "./check-access.ts";
import { accepts, checkContentHeaders, spellOutAccept } from "./http/content-headers.ts";
import { BINDING_HEADER, STREAM_HEADER } from "./http/headers.ts";
import { readMessage } from "./http/request-body.ts";
import { streamSocket } from "./http/socket-stream.ts";
import { baselines, type Caller, findTarget, type Params, recordMissingScope } from "./message-target.ts";
import { leaveOutNulls } from "./methods/left-out.ts";
import { findParamsFault, findTextFault } from "./methods/request-params.ts";
import { BATCH_HEADER, serveBatch } from "./sessionful/batch.ts";
import {
  OLD_SESSION,
  type OldSessions,
  openOldStream,
  postToOldSession,
} from "./sessionful/old-transport.ts";
import type { StatelessLane } from "./stateless/stateless.ts";
import { STATELESS_METHODS } from "./stateless/stateless-methods.ts";
import { parseKnownRequest } from "./stateless/stateless-request.ts";

/** A method as its span names it; one of another form could be any text. */
const METHOD = /^[a-zA-Z_]{1,24}(?:\/[a-zA-Z_]{1,24}){0,2}$/;

const SESSION_HEADER = "mcp-session-id";

/**
 * Client headers that are forwarded to the session's object. All others, such as cookies and tokens, are
 * dropped.
 */
const FORWARDED_HEADERS = ["accept", "content-type", "last-event-id", "mcp-protocol-version"];

/** The agents library's handler for session objects, used for DELETE. */
export interface SessionHandler {
  fetch(request: Request, env: Env, ctx: ExecutionContext): Promise<Response>;
}

/** One MCP URL with both protocol generations. */
export interface LaneOptions {
  catalogue: Catalogue;
  namespace: DurableObjectNamespace;
  /** Name of the namespace's binding. */
  binding: string;
  /** Whether the namespace's class serves every server that has none of its own. */
  sharedClass: boolean;
  door: SessionHandler;
  stateless(catalogue: Catalogue): StatelessLane;
  /** Whether clients of the old transport (2024-11-05, HTTP+SSE) are served too. */
  oldTransport: boolean;
  /** Hostnames that `Host` may contain. */
  hostnames: readonly string[];
  /** Builds the 403 challenge of RFC 6750 §3.1 with every scope the operation needs. */
  challenge(scopes: readonly string[]): Response;
  /** `WWW-Authenticate` value of a 401 after which a client reconnects (RFC 6750 §3, RFC 9728 §5.1). */
  reconnect: string;
}

/** A message and the text it was parsed from. */
interface ReadMessage {
  body: Readonly<Record<string, unknown>>;
  text: string;
  inBatch?: boolean;
}

/**
 * Serves one request of one MCP URL: checks Host (the gateway has checked Origin), reads the message once,
 * answers a missing scope with its challenge, and passes the message to its protocol generation.
 */
export async function serveLanes(request: Request, options: LaneOptions, caller: Caller): Promise<Response> {
  const rejected = hostHeaderValidationResponse(request, [...options.hostnames]);
  if (rejected) return rejected;
  switch (request.method) {
    case "POST":
      return servePost(request, options, caller);
    case "GET":
    case "DELETE":
      return serveSessionVerb(request, options, caller);
    default:
      return jsonRpcError(405, JSON_RPC.serverError, "Method not allowed.", { allow: "GET, POST, DELETE" });
  }
}

async function servePost(request: Request, options: LaneOptions, caller: Caller): Promise<Response> {
  const unacceptable = checkContentHeaders(request);
  if (unacceptable) return unacceptable;
  const read = await readMessage(request);
  if (!read.ok) return read.response;
  const plain = spellOutAccept(request);
  const { body } = read;
  if (!Array.isArray(body)) return await serveOne(plain, { body, text: read.text }, options, caller);
  if (request.headers.get(SESSION_HEADER) === null) {
    return jsonRpcError(
      400,
      JSON_RPC.invalidRequest,
      "Batches are not supported: send one message a request.",
    );
  }
  return await serveBatch(body, (message) =>
    serveOne(plain, { body: message, text: JSON.stringify(message), inBatch: true }, options, caller),
  );
}

async function serveOne(
  request: Request,
  sent: ReadMessage,
  options: LaneOptions,
  caller: Caller,
): Promise<Response> {
  const body = leaveOutNulls(sent.body);
  const read = body === sent.body ? sent : { ...sent, body, text: JSON.stringify(body) };
  const { _meta } = (body.params ?? {}) as Params;
  const trace = traceOf(request.headers, typeof _meta === "object" ? _meta : null);
  const span = isTracing() ? startSpan(`POST /mcp/${options.catalogue.name}`, "server", trace) : null;
  span?.set({ "http.request.method": "POST", "mcp.method.name": METHOD.exec(String(body.method))?.[0] });
  const own = withMessage(trace, body.id, request.headers.get("mcp-protocol-version"));
  const answer = await withinSpan(span, own, async () =>
    nameRequest(await serveMessage(request, read, options, caller), body.id),
  );
  span?.set({ "http.response.status_code": answer.status });
  span?.end(answer.status >= 500 ? String(answer.status) : undefined);
  flushSpans(caller.ctx);
  return answer;
}

/**
 * Puts the request's id into a refusal, as JSON-RPC 2.0 §5 requires once the id is known. A client of
 * 2026-07-28 ignores an error without it, and would not refetch its tools when headers and arguments
 * disagree.
 */
async function nameRequest(response: Response, id: unknown): Promise<Response> {
  const { status, headers } = response;
  const named = typeof id === "string" || Number.isSafeInteger(id);
  if (response.ok || !named || headers.get("content-type") !== "application/json") return response;
  const text = await response.text();
  const body = JSON.parse(text) as Record<string, unknown>;
  const unnamed = body.jsonrpc === "2.0" && body.id === null;
  return new Response(unnamed ? JSON.stringify({ ...body, id }) : text, { status, headers });
}

/** Serves a parsed message: determines its protocol generation and its target. */
async function serveMessage(
  request: Request,
  read: ReadMessage,
  endpoint: LaneOptions,
  asking: Caller,
): Promise<Response> {
  let options = endpoint;
  const broken = findTextFault(read);
  if (broken) return broken;
  const plain = parseKnownRequest(request.headers, read.body);
  const legacy = plain === null && (await isLegacyRequest(request, read.body));
  // The fast path has already parsed this request; the SDK refuses methods that the newest revision removed.
  if (plain === null && !legacy && STATELESS_METHODS.has(String(read.body.method))) {
    const fault = findParamsFault(read.body);
    if (fault !== null) return Response.json(fault);
  }
  let caller = asking;
  let target = findTarget(read.body, options.catalogue, caller);
  // The Principal object admits an allowed call itself; every other request is checked here.
  if (target?.decision.kind !== "allow") {
    const standing = await checkAccess(caller, options.reconnect, read.body);
    if (standing instanceof Response) return standing;
    caller = standing;
    // A newer publication may have brought other definitions.
    options = { ...options, catalogue: await options.catalogue.at(caller.env, caller.policy.revisions) };
    target = findTarget(read.body, options.catalogue, caller);
  }
  if (target?.decision.kind === "scope") {
    const { scope } = target.decision;
    recordMissingScope(request, target, caller, legacy);
    return options.challenge([...baselines(options.catalogue, scope), scope]);
  }
  if (!legacy) {
    const { name, arguments: args } = (read.body.params ?? {}) as Params;
    const tool = read.body.method === "tools/call" ? options.catalogue.tools.get(String(name)) : undefined;
    const mismatch = tool && checkParameterHeaders(tool.parameterHeaders, args, request);
    if (mismatch) return mismatch;
  }
  const response = legacy
    ? await serveSessionPost(request, read, options, caller)
    : await options.stateless(options.catalogue)(request, read.body, plain, {
        env: caller.env,
        identity: caller.identity,
        policy: caller.policy,
        expiresAt: caller.expiresAt,
        waitUntil: (promise) => caller.ctx.waitUntil(promise),
      });
  return response.status === 401 ? askToReconnect(response, options.reconnect) : response;
}

async function serveSessionPost(
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
async function serveSessionVerb(request: Request, options: LaneOptions, caller: Caller): Promise<Response> {
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
