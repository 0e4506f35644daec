import {
  type AuthInfo,
  createMcpHandler,
  createRequestStateCodec,
  type InputRequests,
  inputRequired,
  type RequestStateCodec,
  Server,
  type ServerContext,
} from "@modelcontextprotocol/server";
import type { PrincipalIdentity } from "../auth/principal.ts";
import { principalGate } from "../guard/admit.ts";
import type { ClientChannel, Exchange } from "../guard/exchange.ts";
import { log } from "../observe/log.ts";
import { traceIdOf } from "../observe/trace.ts";
import type { ContextOperation, ResultHandle } from "../session/context.ts";
import type { SessionHome } from "../session/session-home.ts";
import { callTool } from "./call-tool.ts";
import type { Catalogue } from "./catalogue.ts";
import { type ClientAbilities, inquire, inquireSample, readAnswer, readSample } from "./dialogue.ts";
import {
  complete,
  getPrompt,
  listPrompts,
  listResources,
  listTemplates,
  listTools,
  readResource,
} from "./handlers.ts";
import { SOFTWARE } from "./identity.ts";
import { type InputAnswers, InputNeeded, QuestionRound } from "./input-needed.ts";
import type { JsonValue } from "./json.ts";
import { progressOf } from "./progress.ts";

/** What one stateless request brings along, handed through the SDK as `authInfo.extra`. */
interface Arrival extends Record<string, unknown> {
  env: Env;
  identity: PrincipalIdentity;
  /** The message as it was read. */
  body: unknown;
  waitUntil(promise: Promise<unknown>): void;
  /** Set when the grant or its person turned out to have ended. */
  accessEnded: boolean;
}

/** Seconds a half-answered call can be continued. */
const ROUND_TTL_SECONDS = 600;

/**
 * How long a client may reuse an answer (SEP-2549). Never public, because role and scopes decide what is in it.
 * Catalogues change with a release or a role; lists of members change with the data; contents are always read anew.
 */
const CACHE_HINTS = {
  "server/discover": { ttlMs: 300_000, cacheScope: "private" },
  "tools/list": { ttlMs: 300_000, cacheScope: "private" },
  "prompts/list": { ttlMs: 300_000, cacheScope: "private" },
  "resources/templates/list": { ttlMs: 300_000, cacheScope: "private" },
  "resources/list": { ttlMs: 15_000, cacheScope: "private" },
  "resources/read": { ttlMs: 0, cacheScope: "private" },
} as const;

/** Serves requests of the stateless generation for one URL. */
export type StatelessLane = (
  request: Request,
  body: unknown,
  arrival: {
    env: Env;
    identity: PrincipalIdentity;
    token: string;
    waitUntil(promise: Promise<unknown>): void;
  },
) => Promise<Response>;

/**
 * The stateless generation (2026-07-28) of one URL: SDK v2, a fresh low-level server a request. Handlers close over
 * a prepared catalogue, so nothing is registered tool by tool and a large catalogue costs nothing a request.
 */
export function createStatelessLane(catalogue: Catalogue): StatelessLane {
  const handler = createMcpHandler(({ authInfo }) => createServer(catalogue, authInfo), {
    legacy: "reject",
    onerror: (error) => log("debug", "stateless_rejected", { error: error.message }),
  });
  return async (request, body, { env, identity, token, waitUntil }) => {
    const extra: Arrival = { env, identity, body, waitUntil, accessEnded: false };
    const authInfo: AuthInfo = { token, clientId: identity.clientId, scopes: [...identity.scopes], extra };
    const response = await handler.fetch(request, { authInfo, parsedBody: body });
    return extra.accessEnded
      ? new Response(response.body, { status: 401, headers: response.headers })
      : response;
  };
}

function createServer(catalogue: Catalogue, authInfo: AuthInfo | undefined): Server {
  const arrival = authInfo?.extra as Arrival;
  const codec = createRequestStateCodec<InputAnswers>({
    key: arrival.env.SESSION_SEAL_KEY,
    ttlSeconds: ROUND_TTL_SECONDS,
    bind: () => bindingOf(arrival, catalogue),
  });
  const server = new Server(
    { ...SOFTWARE, title: catalogue.title },
    {
      capabilities: { tools: {}, resources: {}, prompts: {}, completions: {}, logging: {} },
      instructions: catalogue.instructions,
      cacheHints: CACHE_HINTS,
      requestState: { verify: codec.verify },
    },
  );
  const exchange = (ctx: ServerContext): Exchange => createExchange(catalogue, arrival, ctx);
  type Result<T> = T & { [key: string]: unknown };
  server.setRequestHandler(
    "tools/list",
    ({ params }, ctx) => listTools(exchange(ctx), params?.cursor) as never,
  );
  server.setRequestHandler("tools/call", ({ params }, ctx) =>
    orAsk(codec, ctx, () => callTool(exchange(ctx), params.name, params.arguments) as Promise<Result<never>>),
  );
  server.setRequestHandler(
    "resources/list",
    ({ params }, ctx) => listResources(exchange(ctx), params?.cursor) as Promise<never>,
  );
  server.setRequestHandler(
    "resources/templates/list",
    ({ params }, ctx) => listTemplates(exchange(ctx), params?.cursor) as never,
  );
  server.setRequestHandler(
    "resources/read",
    ({ params }, ctx) => readResource(exchange(ctx), params.uri) as Promise<never>,
  );
  server.setRequestHandler(
    "prompts/list",
    ({ params }, ctx) => listPrompts(exchange(ctx), params?.cursor) as never,
  );
  server.setRequestHandler("prompts/get", ({ params }, ctx) =>
    orAsk(
      codec,
      ctx,
      () => getPrompt(exchange(ctx), params.name, params.arguments) as Promise<Result<never>>,
    ),
  );
  server.setRequestHandler("completion/complete", ({ params }, ctx) =>
    complete(exchange(ctx), params.ref, params.argument, params.context?.arguments ?? {}),
  );
  return server;
}

/** A continued call must be the same call: same user, client, URL, method, name and arguments. */
function bindingOf({ identity, body }: Arrival, catalogue: Catalogue): string {
  const { method, params } = body as { method?: unknown; params?: Record<string, unknown> };
  const call = [method, params?.name, params?.arguments ?? {}];
  return JSON.stringify([identity.userId, identity.clientId, catalogue.name, ...call]);
}

/** Turns the questions that a call stopped at into an `input_required` result with signed state. */
async function orAsk<T>(
  codec: RequestStateCodec<InputAnswers>,
  ctx: ServerContext,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (failure) {
    if (!(failure instanceof InputNeeded)) throw failure;
    // The SDK answers -32021 with HTTP 400 for a request that the client's capabilities do not cover.
    const asked = failure.requests.map(({ key, method, params }) => [key, { method, params }]);
    const inputRequests = Object.fromEntries(asked) as InputRequests;
    const requestState = await codec.mint(failure.answered, ctx);
    return inputRequired({ inputRequests, requestState }) as T;
  }
}

/** Everything answered so far: earlier rounds from the verified state, this round from the request. */
function answersOf(ctx: ServerContext): InputAnswers {
  return { ...ctx.mcpReq.requestState<InputAnswers>(), ...ctx.mcpReq.inputResponses };
}

function createExchange(catalogue: Catalogue, arrival: Arrival, ctx: ServerContext): Exchange {
  const { env, identity } = arrival;
  const headers = ctx.http?.req?.headers ?? new Headers();
  return {
    env,
    catalogue,
    identity,
    lane: "stateless",
    sessionId: null,
    traceId: traceIdOf(headers, ctx.mcpReq._meta),
    session: principalHome(env, identity),
    channel: statelessChannel(ctx),
    signal: ctx.mcpReq.signal,
    waitUntil: arrival.waitUntil,
    endAccess: () => {
      arrival.accessEnded = true;
    },
  };
}

/** A stateless client's memory: in its person's Principal object, apart from the person's other clients. */
function principalHome(env: Env, { userId, clientId }: PrincipalIdentity): SessionHome {
  const gate = principalGate(env, userId);
  return {
    read: () => gate.readContext(clientId),
    apply: (operations: readonly ContextOperation[]) => gate.applyContext(clientId, operations),
    keepResult: (handle: ResultHandle, rows: readonly JsonValue[]) => gate.keepResult(clientId, handle, rows),
    readResult: (handle, offset, limit) => gate.readResult(clientId, handle, offset, limit),
  };
}

/** What the client says of itself in the envelope of each request (MCP 2026-07-28). */
function declaredAbilities(ctx: ServerContext): ClientAbilities | undefined {
  // The SDK checks the envelope by a schema that its typings do not name.
  const envelope: Record<string, unknown> = { ...ctx.mcpReq.envelope };
  return envelope["io.modelcontextprotocol/clientCapabilities"] as ClientAbilities | undefined;
}

function statelessChannel(ctx: ServerContext): ClientChannel {
  const round = new QuestionRound(answersOf(ctx));
  const progressToken = ctx.mcpReq._meta?.progressToken;
  return {
    canAsk: declaredAbilities(ctx)?.elicitation !== undefined,
    progress(progress, total, message) {
      if (progressToken === undefined) return;
      void ctx.mcpReq.notify(progressOf(progressToken, progress, total, message)).catch(() => {});
    },
    log: (level, data) => void ctx.mcpReq.log(level, data).catch(() => {}),
    ask: (question) => round.put(inquire(question), (response) => readAnswer(question, response)),
    sample: (prompt, options) => round.put(inquireSample(prompt, options), readSample),
  };
}
