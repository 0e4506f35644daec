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
import type { ClientChannel, Exchange } from "../../shared/guard/exchange.ts";
import type { Catalogue } from "../../shared/mcp/catalogue.ts";
import type { LogLevel } from "../../shared/mcp/define.ts";
import {
  type ClientAbilities,
  elicitsOf,
  inquire,
  inquireSample,
  readAnswer,
  readSample,
} from "../../shared/mcp/dialogue.ts";
import { SOFTWARE, STATELESS_CAPABILITIES } from "../../shared/mcp/identity.ts";
import {
  collectAnswers,
  InputNeeded,
  NOTHING_ASKED,
  QuestionRound,
  type Round,
} from "../../shared/mcp/input-needed.ts";
import type { JsonValue } from "../../shared/mcp/json.ts";
import { progressOf } from "../../shared/mcp/progress.ts";
import { openRoundState } from "../../shared/mcp/request-state.ts";
import type { Arrival } from "../../shared/mcp/stateless-exchange.ts";
import { type Params, STATELESS_METHODS, type StatelessMethod } from "../../shared/mcp/stateless-methods.ts";
import { showsViews } from "../../shared/mcp/view.ts";

/**
 * The same catalogue and the same handlers behind the SDK's own server and transport, one a request, as its
 * documentation shows it. What our lane answers is measured against this.
 */
export function createReferenceLane(catalogue: Catalogue) {
  return (request: Request, body: Record<string, unknown>, arrival: Arrival): Promise<Response> => {
    const state = openRoundState(openKeyring(arrival.env, "REQUEST_STATE_KEY"), () => "one binding");
    const handler = createMcpHandler(
      () => {
        const cacheHints = Object.fromEntries(
          [...STATELESS_METHODS].flatMap(([name, { cache }]) => (cache ? [[name, cache]] : [])),
        );
        const server = new Server(
          { ...SOFTWARE, title: catalogue.title },
          {
            capabilities: STATELESS_CAPABILITIES,
            instructions: catalogue.instructions,
            cacheHints: { ...cacheHints, "server/discover": { ttlMs: 300_000, cacheScope: "private" } },
            requestState: { verify: state.verify },
          },
        );
        for (const [name, method] of STATELESS_METHODS) {
          const answer = (params: unknown, ctx: ServerContext) => {
            const exchange = createExchange(catalogue, arrival, ctx);
            return answerOrAsk(method, exchange, (params ?? {}) as Params, state.mint) as Promise<never>;
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
  exchange: Exchange,
  params: Params,
  mint: (round: Round) => Promise<string>,
): Promise<object> {
  try {
    return await method.answer(exchange, params);
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

function createExchange(catalogue: Catalogue, arrival: Arrival, { mcpReq }: ServerContext): Exchange {
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

function createChannel(mcpReq: ServerContext["mcpReq"], { digest }: Arrival["policy"]): ClientChannel {
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
    elicits: elicitsOf(declared?.[CLIENT_CAPABILITIES_META_KEY]),
    showsViews: showsViews(declared?.[CLIENT_CAPABILITIES_META_KEY]),
    release: () => {},
    ...{ abilities: {}, tasks: false },
    visit: async () => "cancel",
    endVisit: () => {},
  };
}
