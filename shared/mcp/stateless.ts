import {
  type AuthInfo,
  CLIENT_CAPABILITIES_META_KEY,
  createMcpHandler,
  createRequestStateCodec,
  type InputRequests,
  inputRequired,
  type RequestStateCodec,
  Server,
  type ServerContext,
} from "@modelcontextprotocol/server";
import { type Key, type Keyring, openKeyring } from "../auth/keyring.ts";
import type { PrincipalIdentity } from "../auth/principal.ts";
import { principalGate } from "../guard/admit.ts";
import type { ClientChannel, Exchange } from "../guard/exchange.ts";
import { log } from "../observe/log.ts";
import { traceIdOf } from "../observe/trace.ts";
import type { Policy } from "../policy/compile.ts";
import type { ContextOperation, ResultHandle } from "../session/context.ts";
import type { SessionHome } from "../session/session-home.ts";
import { callTool } from "./call-tool.ts";
import type { Catalogue } from "./catalogue.ts";
import {
  type ClientAbilities,
  elicitsOf,
  inquire,
  inquireSample,
  inquireVisit,
  readAnswer,
  readSample,
  readVisit,
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
import { CAPABILITIES, SOFTWARE } from "./identity.ts";
import { type InputAnswers, InputNeeded, QuestionRound } from "./input-needed.ts";
import type { JsonValue } from "./json.ts";
import { progressOf } from "./progress.ts";
import { showsViews } from "./view.ts";

/** What one stateless request brings along, handed through the SDK as `authInfo.extra`. */
interface Arrival extends Record<string, unknown> {
  env: Env;
  identity: PrincipalIdentity;
  policy: Policy;
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
    policy: Policy;
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
  return async (request, body, { env, identity, policy, token, waitUntil }) => {
    const extra: Arrival = { env, identity, policy, body, waitUntil, accessEnded: false };
    const authInfo: AuthInfo = { token, clientId: identity.clientId, scopes: [...identity.scopes], extra };
    const response = await handler.fetch(request, { authInfo, parsedBody: body });
    return extra.accessEnded
      ? new Response(response.body, { status: 401, headers: response.headers })
      : response;
  };
}

function createServer(catalogue: Catalogue, authInfo: AuthInfo | undefined): Server {
  const arrival = authInfo?.extra as Arrival;
  const codec = createRoundCodec(openKeyring(arrival.env, "REQUEST_STATE_KEY"), () =>
    bindingOf(arrival, catalogue),
  );
  const server = new Server(
    { ...SOFTWARE, title: catalogue.title },
    {
      capabilities: CAPABILITIES,
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

/** Signs what was answered so far. The SDK's codec knows one key: there is one for each, the first mints, all verify. */
function createRoundCodec(keyring: Keyring, bind: () => string): RequestStateCodec<InputAnswers> {
  const [newest, ...older] = keyring;
  const open = ({ secret }: Key) =>
    createRequestStateCodec<InputAnswers>({ key: secret, ttlSeconds: ROUND_TTL_SECONDS, bind });
  const first = open(newest);
  return {
    mint: (answers, ctx) => first.mint(answers, ctx),
    async verify(state, ctx) {
      try {
        return await first.verify(state, ctx);
      } catch (failure) {
        for (const key of older) {
          const answers = await open(key)
            .verify(state, ctx)
            .catch(() => null);
          if (answers !== null) return answers;
        }
        throw failure;
      }
    },
  };
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
  const { env, identity, policy } = arrival;
  const headers = ctx.http?.req?.headers ?? new Headers();
  return {
    env,
    catalogue,
    identity,
    policy,
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

/** What the client says in this very request that it can do. */
function abilitiesOf({ mcpReq }: ServerContext): ClientAbilities | undefined {
  return (mcpReq.envelope as Record<string, ClientAbilities> | undefined)?.[CLIENT_CAPABILITIES_META_KEY];
}

function statelessChannel(ctx: ServerContext): ClientChannel {
  const abilities = abilitiesOf(ctx);
  const elicits = elicitsOf(abilities);
  const answers = answersOf(ctx);
  const round = new QuestionRound(answers);
  // Apart, because it is not always asked: the questions of the tool keep their positions.
  const visits = new QuestionRound(answers);
  const progressToken = ctx.mcpReq._meta?.progressToken;
  return {
    progress(progress, total, message) {
      if (progressToken === undefined) return;
      void ctx.mcpReq.notify(progressOf(progressToken, progress, total, message)).catch(() => {});
    },
    log: (level, data) => void ctx.mcpReq.log(level, data).catch(() => {}),
    ask: (question) => round.put(inquire(question), (response) => readAnswer(question, response)),
    sample: (prompt, options) => round.put(inquireSample(prompt, options), readSample),
    elicits,
    showsViews: showsViews(abilities),
    visit: (page) => visits.put(inquireVisit(page, elicits, false), readVisit),
    // This revision has no such notification: the client repeats the call.
    endVisit: () => {},
  };
}
