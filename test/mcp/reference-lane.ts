import {
  CLIENT_CAPABILITIES_META_KEY,
  createMcpHandler,
  type InputRequests,
  inputRequired,
  type RequestMethod,
  Server,
  type ServerContext,
} from "@modelcontextprotocol/server";
import { z } from "zod";
import { openKeyring } from "../../shared/auth/keyring.ts";
import type { ClientAbilities } from "../../shared/call/client-abilities.ts";
import { elicitsOf } from "../../shared/call/client-abilities.ts";
import {
  collectAnswers,
  InputNeeded,
  NOTHING_ASKED,
  QuestionRound,
  type Round,
} from "../../shared/call/input-needed.ts";
import type { LogLevel } from "../../shared/call/log-level.ts";
import type { JsonValue } from "../../shared/encoding/json.ts";
import type { ClientChannel, RequestContext } from "../../shared/guard/request-context.ts";
import { inquire, inquireSample, readAnswer, readSample } from "../../shared/mcp/methods/dialogue.ts";
import { progressOf } from "../../shared/mcp/methods/progress.ts";
import { openRoundState } from "../../shared/mcp/methods/request-state.ts";
import { SERVER_INFO, STATELESS_CAPABILITIES } from "../../shared/mcp/methods/server-info.ts";
import type { AuthenticatedRequest } from "../../shared/mcp/stateless/stateless-exchange.ts";
import {
  type Params,
  STATELESS_METHODS,
  type StatelessMethod,
} from "../../shared/mcp/stateless/stateless-methods.ts";
import type { Catalogue } from "../../shared/server/catalogue.ts";
import { showsViews } from "../../shared/server/view.ts";

/**
 * The same catalogue and the same handlers behind the SDK's own server and transport, one per request, as its
 * documentation shows. The reference for responses of our lane.
 */
export function createReferenceLane(catalogue: Catalogue) {
  return (
    request: Request,
    body: Record<string, unknown>,
    arrival: AuthenticatedRequest,
  ): Promise<Response> => {
    const state = openRoundState(openKeyring(arrival.env, "REQUEST_STATE_KEY"), () => "one binding");
    const handler = createMcpHandler(
      () => {
        const cacheHints = Object.fromEntries(
          [...STATELESS_METHODS].flatMap(([name, { cache }]) => (cache ? [[name, cache]] : [])),
        );
        const server = new Server(
          { ...SERVER_INFO, title: catalogue.title },
          {
            capabilities: STATELESS_CAPABILITIES,
            instructions: catalogue.instructions,
            cacheHints: { ...cacheHints, "server/discover": { ttlMs: 300_000, cacheScope: "private" } },
            requestState: { verify: state.verify },
          },
        );
        for (const [name, method] of STATELESS_METHODS) {
          const answer = (params: unknown, ctx: ServerContext) => {
            const requestContext = createExchange(catalogue, arrival, ctx);
            return answerOrAsk(
              method,
              requestContext,
              (params ?? {}) as Params,
              state.mint,
            ) as Promise<never>;
          };
          if (method.custom) server.setRequestHandler(name, { params: z.looseObject({}) }, answer);
          else server.setRequestHandler(name as RequestMethod, ({ params }, ctx) => answer(params, ctx));
        }
        return server;
      },
      { legacy: "reject" },
    );
    return handler.fetch(request, { parsedBody: body });
  };
}

async function answerOrAsk(
  method: StatelessMethod,
  ctx: RequestContext,
  params: Params,
  mint: (round: Omit<Round, "id">) => Promise<string>,
): Promise<object> {
  try {
    return await method.answer(ctx, params, { id: 0, expiresAt: undefined, notify: () => {} });
  } catch (failure) {
    if (!(failure instanceof InputNeeded)) throw failure;
    const asked = failure.requests.map(({ key, method: kind, params: asks }) => [
      key,
      { method: kind, params: asks },
    ]);
    return inputRequired({
      inputRequests: Object.fromEntries(asked) as InputRequests,
      requestState: await mint(failure.round),
    });
  }
}

function createExchange(
  catalogue: Catalogue,
  arrival: AuthenticatedRequest,
  { mcpReq }: ServerContext,
): RequestContext {
  const { env, identity, policy, waitUntil } = arrival;
  const nothing = async (): Promise<never> => {
    throw new Error("The fixture keeps nothing.");
  };
  return {
    env,
    catalogue,
    identity,
    policy,
    lane: "stateless",
    sessionId: null,
    traceId: "0".repeat(32),
    session: { read: nothing, apply: nothing, keepResult: nothing, readResult: nothing },
    channel: createChannel(mcpReq, policy),
    signal: mcpReq.signal,
    waitUntil,
    endAccess: () => {},
    retryAfter: () => {},
  };
}

function createChannel(
  mcpReq: ServerContext["mcpReq"],
  { digest }: AuthenticatedRequest["policy"],
): ClientChannel {
  const declared = mcpReq.envelope as Record<string, ClientAbilities> | undefined;
  const round = new QuestionRound(
    collectAnswers(mcpReq.requestState<Round>() ?? NOTHING_ASKED, mcpReq.inputResponses ?? {}),
    digest,
  );
  const token = mcpReq._meta?.progressToken;
  return {
    progress(done, total, message) {
      if (token !== undefined) void mcpReq.notify(progressOf(token, done, total, message));
    },
    log: (level: LogLevel, data: JsonValue) => void mcpReq.log(level, data),
    ask: (question) => round.put(inquire(question), (response) => readAnswer(question, response)),
    sample: (prompt, options) => round.put(inquireSample(prompt, options), readSample),
    relay: (inquiry) => round.put(inquiry, (response) => response),
    elicits: elicitsOf(declared?.[CLIENT_CAPABILITIES_META_KEY]),
    showsViews: showsViews(declared?.[CLIENT_CAPABILITIES_META_KEY]),
    release: () => {},
    ...{ abilities: {}, tasks: false },
    visit: async () => "cancel",
    endVisit: () => {},
  };
}
