import { hostHeaderValidationResponse, isLegacyRequest } from "@modelcontextprotocol/server";
import { JSON_RPC, jsonRpcError } from "../call/protocol-fault.ts";
import { flushSpans, isTracing, startSpan, withinSpan, withMessage } from "../observe/spans.ts";
import { traceOf } from "../observe/trace.ts";
import { checkParameterHeaders } from "../server/parameter-headers.ts";
import { askToReconnect, checkAccess } from "./check-access.ts";
import { checkContentHeaders, spellOutAccept } from "./http/content-headers.ts";
import { SESSION_HEADER } from "./http/headers.ts";
import { readMessage } from "./http/request-body.ts";
import type { LaneOptions, ReadMessage } from "./lane-options.ts";
import { baselines, type Caller, findTarget, type Params, recordMissingScope } from "./message-target.ts";
import { leaveOutNulls } from "./methods/left-out.ts";
import { findParamsFault, findTextFault } from "./methods/request-params.ts";
import { serveSessionPost, serveSessionVerb } from "./serve-session.ts";
import { serveBatch } from "./sessionful/batch.ts";
import { STATELESS_METHODS } from "./stateless/stateless-methods.ts";
import { parseKnownRequest } from "./stateless/stateless-request.ts";

/** A method as its span names it; one of another form could be any text. */
const METHOD = /^[a-zA-Z_]{1,24}(?:\/[a-zA-Z_]{1,24}){0,2}$/;

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
