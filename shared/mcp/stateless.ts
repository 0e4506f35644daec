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
import {
  type ClientAbilities,
  elicitationParams,
  readAnswer,
  readSample,
  requireAbility,
  samplingParams,
} from "./dialogue.ts";
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
import { InputNeeded } from "./input-needed.ts";
import type { JsonValue } from "./json.ts";

/** What one stateless request brings along, handed through the SDK as `authInfo.extra`. */
interface Arrival extends Record<string, unknown> {
  env: Env;
  identity: PrincipalIdentity;
  waitUntil(promise: Promise<unknown>): void;
}

/** Answers given in earlier rounds of one call, by the key of their question. */
type EarlierAnswers = Record<string, unknown>;

/** Seconds a half-answered call can be continued. */
const ROUND_TTL_SECONDS = 600;

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
  const handler = createMcpHandler(
    ({ authInfo, requestInfo }) => createServer(catalogue, authInfo, requestInfo),
    {
      legacy: "reject",
      onerror: (error) => log("debug", "stateless_rejected", { error: error.message }),
    },
  );
  return (request, body, { env, identity, token, waitUntil }) => {
    const extra: Arrival = { env, identity, waitUntil };
    const authInfo: AuthInfo = { token, clientId: identity.clientId, scopes: [...identity.scopes], extra };
    return handler.fetch(request, { authInfo, parsedBody: body });
  };
}

function createServer(
  catalogue: Catalogue,
  authInfo: AuthInfo | undefined,
  request: Request | undefined,
): Server {
  const arrival = authInfo?.extra as Arrival;
  const codec = createRequestStateCodec<EarlierAnswers>({
    key: arrival.env.SESSION_SEAL_KEY,
    ttlSeconds: ROUND_TTL_SECONDS,
    bind: (ctx) => bindingOf(arrival.identity, catalogue, ctx, request),
  });
  const server = new Server(
    { ...SOFTWARE, title: catalogue.title },
    {
      capabilities: { tools: {}, resources: {}, prompts: {}, completions: {}, logging: {} },
      instructions: catalogue.instructions,
      requestState: { verify: codec.verify },
    },
  );
  const exchange = (ctx: ServerContext): Exchange => createExchange(catalogue, arrival, ctx, server);
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

/** A continued call must be the same call: same user, client, URL, method and arguments. */
function bindingOf(
  identity: PrincipalIdentity,
  catalogue: Catalogue,
  ctx: ServerContext,
  request: Request | undefined,
): string {
  const name = request?.headers.get("mcp-name") ?? "";
  return JSON.stringify([identity.userId, identity.clientId, catalogue.name, ctx.mcpReq.method, name]);
}

/** Turns a question that a call stopped at into an `input_required` result with signed state. */
async function orAsk<T>(
  codec: RequestStateCodec<EarlierAnswers>,
  ctx: ServerContext,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (failure) {
    if (!(failure instanceof InputNeeded)) throw failure;
    const { key, method, params } = failure.request;
    const inputRequests = { [key]: { method, params } } as unknown as InputRequests;
    const requestState = await codec.mint(answersOf(ctx), ctx);
    return inputRequired({ inputRequests, requestState }) as T;
  }
}

/** Everything answered so far: earlier rounds from the verified state, this round from the request. */
function answersOf(ctx: ServerContext): EarlierAnswers {
  return { ...ctx.mcpReq.requestState<EarlierAnswers>(), ...ctx.mcpReq.inputResponses };
}

function createExchange(
  catalogue: Catalogue,
  arrival: Arrival,
  ctx: ServerContext,
  server: Server,
): Exchange {
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
    channel: statelessChannel(ctx, server),
    signal: ctx.mcpReq.signal,
    waitUntil: arrival.waitUntil,
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

function statelessChannel(ctx: ServerContext, server: Server): ClientChannel {
  const answers = answersOf(ctx);
  const progressToken = ctx.mcpReq._meta?.progressToken;
  let asked = 0;
  const answerTo = (method: InputNeeded["request"]["method"], params: Record<string, JsonValue>): unknown => {
    asked += 1;
    const key = `q${asked}`;
    if (Object.hasOwn(answers, key)) return answers[key];
    throw new InputNeeded({ key, method, params });
  };
  const abilities = () => server.getClientCapabilities() as ClientAbilities | undefined;
  return {
    progress(progress, total, message) {
      if (progressToken === undefined) return;
      const params = {
        progressToken,
        progress,
        ...(total !== undefined && { total }),
        ...(message && { message }),
      };
      void ctx.mcpReq.notify({ method: "notifications/progress", params }).catch(() => {});
    },
    log: (level, data) => void ctx.mcpReq.log(level, data).catch(() => {}),
    async ask(question) {
      requireAbility(abilities(), "elicitation");
      return readAnswer(question, answerTo("elicitation/create", elicitationParams(question)));
    },
    async sample(prompt, options) {
      requireAbility(abilities(), "sampling");
      return readSample(answerTo("sampling/createMessage", samplingParams(prompt, options)));
    },
  };
}
