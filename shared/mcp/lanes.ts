import {
  hostHeaderValidationResponse,
  isLegacyRequest,
  originValidationResponse,
} from "@modelcontextprotocol/server";
import { encodeIdentity, IDENTITY_HEADER } from "../auth/identity-header.ts";
import type { PrincipalIdentity } from "../auth/principal.ts";
import { decide } from "../guard/decide.ts";
import { recordDenial } from "../guard/record-denial.ts";
import { traceIdOf } from "../observe/trace.ts";
import type { Policy } from "../policy/compile.ts";
import { createSessionId, openSessionId, type SessionOwner, sealSessionId } from "../session/seal.ts";
import type { Catalogue } from "./catalogue.ts";
import { JSON_RPC, jsonRpcError } from "./protocol-fault.ts";
import { readMessage } from "./request-body.ts";
import type { StatelessLane } from "./stateless.ts";

const SESSION_HEADER = "mcp-session-id";

/** Headers a client may hand on to its session; everything else, cookies and tokens included, stays here. */
const FORWARDED_HEADERS = ["accept", "content-type", "last-event-id", "mcp-protocol-version", "traceparent"];

/** The library's own door to session objects, used for the streams it hibernates (GET) and for DELETE. */
export interface SessionDoor {
  fetch(request: Request, env: Env, ctx: ExecutionContext): Promise<Response>;
}

/** One MCP URL with both generations behind it. */
export interface LaneOptions {
  catalogue: Catalogue;
  namespace: DurableObjectNamespace;
  door: SessionDoor;
  stateless: StatelessLane;
  /** Hostnames that `Host` may name, and `Origin` beside loopback. */
  hostnames: readonly string[];
  /** Builds the 403 challenge of RFC 6750 §3.1 with every scope the operation needs. */
  challenge(scopes: readonly string[]): Response;
  /** The `WWW-Authenticate` value of a 401 after which a client connects anew (RFC 6750 §3, RFC 9728 §5.1). */
  reconnect: string;
}

/** What is looked at of a message before its generation checks it; anything may be in it. */
interface Params {
  name?: unknown;
  uri?: unknown;
  arguments?: unknown;
  _meta?: Record<string, unknown> | null;
}

/** One authenticated request. */
export interface Caller {
  identity: PrincipalIdentity;
  /** The policy in force. */
  policy: Policy;
  token: string;
  env: Env;
  ctx: ExecutionContext;
}

/**
 * Serves one request of one MCP URL: checks Host and Origin, reads the message once, answers a missing scope with
 * its challenge, and hands the message to the generation it was written for.
 */
export async function serveLanes(request: Request, options: LaneOptions, caller: Caller): Promise<Response> {
  const rejected =
    hostHeaderValidationResponse(request, [...options.hostnames]) ??
    originValidationResponse(request, [...options.hostnames, "localhost", "127.0.0.1", "[::1]"]);
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
  const legacy = await isLegacyRequest(request, read.body);
  const missing = missingScope(request, read.body, options.catalogue, caller, legacy);
  if (missing) return options.challenge([...baselines(options.catalogue, missing), missing]);
  const response = legacy
    ? await serveSessionPost(request, read, options, caller)
    : await options.stateless(request, read.body, {
        env: caller.env,
        identity: caller.identity,
        policy: caller.policy,
        token: caller.token,
        waitUntil: (promise) => caller.ctx.waitUntil(promise),
      });
  return response.status === 401 ? askToReconnect(response, options) : response;
}

/** A lane says 401 when the person's object knows that the grant has ended. The challenge is the Worker's to give. */
function askToReconnect(response: Response, { reconnect }: LaneOptions): Response {
  const headers = new Headers(response.headers);
  headers.set("www-authenticate", reconnect);
  return new Response(response.body, { status: 401, headers });
}

/** Streamable HTTP: a client must accept both forms of answer and send JSON. */
function checkContentHeaders(request: Request): Response | undefined {
  const type = request.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();
  if (type !== "application/json") {
    return jsonRpcError(415, JSON_RPC.serverError, "Content-Type must be application/json.");
  }
  const accept = request.headers.get("accept") ?? "";
  const any = accept.includes("*/*");
  if (!any && !(accept.includes("application/json") && accept.includes("text/event-stream"))) {
    return jsonRpcError(
      406,
      JSON_RPC.serverError,
      "Accept must name application/json and text/event-stream.",
    );
  }
  return undefined;
}

/**
 * The scope that this very message lacks and that its person may hold; `undefined` when nothing is missing. The
 * refusal is recorded here, because such a message reaches no session and no guard.
 */
function missingScope(
  request: Request,
  body: Record<string, unknown>,
  catalogue: Catalogue,
  { identity, policy, env, ctx }: Caller,
  legacy: boolean,
): string | undefined {
  const params = (body.params ?? {}) as Params;
  const entry =
    body.method === "tools/call" && typeof params.name === "string"
      ? catalogue.tools.get(params.name)
      : body.method === "prompts/get" && typeof params.name === "string"
        ? catalogue.prompts.get(params.name)
        : body.method === "resources/read" && typeof params.uri === "string"
          ? (catalogue.resources.get(params.uri) ?? matchTemplate(catalogue, params.uri))
          : undefined;
  if (!entry) return undefined;
  const decision = decide(policy, identity, entry.subject);
  if (decision.kind !== "scope") return undefined;
  const origin = {
    env,
    identity,
    policy,
    lane: legacy ? ("sessionful" as const) : ("stateless" as const),
    // The session's seal has not been opened yet, so which session it would have been is only the client's word.
    sessionId: null,
    traceId: traceIdOf(request.headers, params._meta ?? {}),
    waitUntil: (promise: Promise<unknown>) => ctx.waitUntil(promise),
  };
  const args = body.method === "resources/read" ? { uri: params.uri } : params.arguments;
  recordDenial(origin, entry.subject, typeof args === "object" && args !== null ? { ...args } : {}, decision);
  return decision.scope;
}

function matchTemplate(catalogue: Catalogue, uri: string) {
  return catalogue.templates.find((template) => template.matcher.match(uri) !== null);
}

function baselines(catalogue: Catalogue, scope: string): string[] {
  const server = catalogue.servers.find((candidate) => scope in candidate.scopes);
  return server && server.baseline !== scope ? [server.baseline] : [];
}

async function serveSessionPost(
  request: Request,
  read: { body: Record<string, unknown>; text: string },
  options: LaneOptions,
  caller: Caller,
): Promise<Response> {
  const sealed = request.headers.get(SESSION_HEADER);
  const starting = read.body.method === "initialize";
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
  const owner = ownerOf(options, caller);
  const id =
    sealed === null ? createSessionId() : await openSessionId(caller.env.SESSION_SEAL_KEY, sealed, owner);
  if (id === null) return sessionNotFound();
  const stub = options.namespace.get(options.namespace.idFromName(`streamable-http:${id}`));
  const response = await stub.fetch(
    new Request(request.url, {
      method: "POST",
      headers: sessionHeaders(request, id, caller.identity),
      body: read.text,
    }),
  );
  if (!starting || !response.ok) return response;
  return withSession(response, await sealSessionId(caller.env.SESSION_SEAL_KEY, id, owner));
}

/** GET opens the session's stream, DELETE ends the session; both only for the owner. */
async function serveSessionVerb(request: Request, options: LaneOptions, caller: Caller): Promise<Response> {
  const sealed = request.headers.get(SESSION_HEADER);
  if (sealed === null) {
    // Without a session there is nothing to stream: what the specification asks of a server that offers no stream.
    return jsonRpcError(405, JSON_RPC.serverError, "Send a POST with initialize first.", { allow: "POST" });
  }
  const id = await openSessionId(caller.env.SESSION_SEAL_KEY, sealed, ownerOf(options, caller));
  if (id === null) return sessionNotFound();
  const headers = sessionHeaders(request, id, caller.identity);
  headers.set(SESSION_HEADER, id);
  const inner = new Request(request.url, { method: request.method, headers, signal: request.signal });
  const response = await options.door.fetch(inner, caller.env, contextWithoutProps(caller.ctx));
  return withSession(response, sealed);
}

function ownerOf(options: LaneOptions, { identity }: Caller): SessionOwner {
  return { userId: identity.userId, clientId: identity.clientId, server: options.catalogue.name };
}

function sessionHeaders(request: Request, id: string, identity: PrincipalIdentity): Headers {
  const headers = new Headers();
  for (const name of FORWARDED_HEADERS) {
    const value = request.headers.get(name);
    if (value !== null) headers.set(name, value);
  }
  headers.set(IDENTITY_HEADER, encodeIdentity(identity));
  // How the agents library names an object that it did not address itself.
  headers.set("x-partykit-room", `streamable-http:${id}`);
  return headers;
}

/** The library stores `ctx.props` unencrypted in the session's object; nothing of a grant belongs there. */
function contextWithoutProps(ctx: ExecutionContext): ExecutionContext {
  return {
    waitUntil: (promise: Promise<unknown>) => ctx.waitUntil(promise),
    passThroughOnException: () => ctx.passThroughOnException(),
  } as ExecutionContext;
}

function withSession(response: Response, sealed: string): Response {
  const headers = new Headers(response.headers);
  headers.set(SESSION_HEADER, sealed);
  return new Response(response.body, { status: response.status, headers });
}

function sessionNotFound(): Response {
  return jsonRpcError(404, JSON_RPC.sessionNotFound, "Session not found. Start a new one with initialize.");
}
