import {
  CLIENT_CAPABILITIES_META_KEY,
  LOG_LEVEL_META_KEY,
  SERVER_INFO_META_KEY,
} from "@modelcontextprotocol/server";
import type { ClientAbilities } from "../../call/client-abilities.ts";
import { elicitsOf } from "../../call/client-abilities.ts";
import { InputNeeded, QuestionRound } from "../../call/input-needed.ts";
import type { PrincipalIdentity } from "../../call/principal.ts";
import { JSON_RPC, ProtocolFault } from "../../call/protocol-fault.ts";
import type { ClientChannel, RequestContext } from "../../guard/request-context.ts";
import { createPrincipalMemory } from "../../objects/principal-memory.ts";
import { takesTasks } from "../../objects/task.ts";
import { logFailure } from "../../observe/log.ts";
import { traceIdOf } from "../../observe/trace.ts";
import type { Policy } from "../../policy/compile.ts";
import type { Catalogue } from "../../server/catalogue.ts";
import { showsViews } from "../../server/view.ts";
import { PostResponder } from "../http/post-responder.ts";
import {
  inquire,
  inquireSample,
  inquireVisit,
  readAnswer,
  readSample,
  readVisit,
  requireInquirable,
} from "../methods/dialogue.ts";
import { reaches } from "../methods/log-level.ts";
import { progressOf } from "../methods/progress.ts";
import type { RoundState } from "../methods/request-state.ts";
import { SERVER_INFO } from "../methods/server-info.ts";
import type { StreamWire } from "./event-stream.ts";
import type { StatelessRequest } from "./stateless-request.ts";

/** One authenticated stateless request. */
export interface AuthenticatedRequest {
  env: Env;
  identity: PrincipalIdentity;
  policy: Policy;
  /** Expiry of the token in Unix seconds, if known. */
  expiresAt?: number | undefined;
  waitUntil(promise: Promise<unknown>): void;
}

/** Everything that is needed to serve one valid request. */
export interface StatelessContext {
  request: Request;
  catalogue: Catalogue;
  caller: AuthenticatedRequest;
  state: RoundState;
}

/**
 * Serves one request of the stateless generation: runs its method and responds with the result, the questions
 * it stopped at, or a JSON-RPC error. A client that disconnects cancels the call.
 */
export function serveStateless(message: StatelessRequest, context: StatelessContext): Promise<Response> {
  const { request, caller } = context;
  const controller = new AbortController();
  const hangUp = () => controller.abort();
  const answer = new PostResponder(hangUp);
  if (request.signal.aborted) hangUp();
  else request.signal.addEventListener("abort", hangUp, { once: true });
  const ctx = createRequestContext(message, context, answer, controller.signal);
  const notify = (notification: object) => void answer.write(notification, false);
  const wire = { id: message.id, expiresAt: caller.expiresAt, notify };
  const running = answerMessage(message, context, ctx, wire).then((body) => {
    if (isClientFault(body)) answer.setStatus(400);
    answer.write({ jsonrpc: "2.0", id: message.id, ...body }, true);
    request.signal.removeEventListener("abort", hangUp);
  });
  // A begun call is finished and recorded even after its client has disconnected.
  caller.waitUntil(running);
  return answer.response;
}

/** The variable part of a JSON-RPC response. */
type Body = { result: object } | { error: { code: number; message: string; data?: object } };

/**
 * The one error of a handler that also sets the HTTP status (MCP 2026-07-28,
 * `MissingRequiredClientCapability`).
 */
function isClientFault(body: Body): boolean {
  return "error" in body && body.error.code === JSON_RPC.missingCapability;
}

async function answerMessage(
  message: StatelessRequest,
  context: StatelessContext,
  ctx: RequestContext,
  wire: StreamWire,
): Promise<Body> {
  const { method, params } = message;
  try {
    const result = await method.answer(ctx, params, wire);
    return { result: sign({ resultType: "complete", ...result, ...method.cache }, context.catalogue) };
  } catch (failure) {
    if (failure instanceof InputNeeded) return await answerWithQuestions(failure, message, context);
    return describeFailure(failure);
  }
}

/** Adds the server's name to a result, as every result should have it. */
function sign(result: object, { title }: Catalogue): object {
  const own = "_meta" in result ? (result._meta as object) : {};
  return { ...result, _meta: { ...own, [SERVER_INFO_META_KEY]: { ...SERVER_INFO, title } } };
}

/** An `input_required` result with signed state, unless the client cannot be asked. */
async function answerWithQuestions(
  { requests, round }: InputNeeded,
  message: StatelessRequest,
  { catalogue, state }: StatelessContext,
): Promise<Body> {
  try {
    const abilities = abilitiesOf(message);
    for (const request of requests) requireInquirable(abilities, request);
    const inputRequests = Object.fromEntries(
      requests.map(({ key, method, params }) => [key, { method, params }]),
    );
    const requestState = await state.mint(round);
    return { result: sign({ resultType: "input_required", inputRequests, requestState }, catalogue) };
  } catch (failure) {
    return describeFailure(failure);
  }
}

function describeFailure(failure: unknown): Body {
  if (failure instanceof ProtocolFault) {
    const { code, message, data } = failure;
    return { error: { code, message, ...(data !== undefined && { data }) } };
  }
  const eventId = logFailure("request_failed", failure);
  return { error: { code: JSON_RPC.internalError, message: `Internal error. Event id: ${eventId}.` } };
}

function createRequestContext(
  message: StatelessRequest,
  { request, catalogue, caller }: StatelessContext,
  answer: PostResponder,
  signal: AbortSignal,
): RequestContext {
  const { env, identity, policy, waitUntil } = caller;
  const { answers, stateId } = message;
  const round = new QuestionRound(answers, policy.digest);
  const forgetAnswers = () => round.forgetAnswers();
  return {
    env,
    catalogue,
    identity,
    policy,
    lane: "stateless",
    sessionId: null,
    traceId: traceIdOf(request.headers, message.meta),
    session: createPrincipalMemory(env, identity),
    channel: statelessChannel(message, answer, round),
    ...(stateId !== null && answers.length > 0 && { continued: { stateId, forgetAnswers } }),
    signal,
    waitUntil,
    endAccess: () => answer.setStatus(401),
    retryAfter: (seconds) => answer.setRetryAfter(seconds),
  };
}

/** Capabilities that the client declares in this request. */
function abilitiesOf({ meta }: StatelessRequest): ClientAbilities {
  return (meta[CLIENT_CAPABILITIES_META_KEY] ?? {}) as ClientAbilities;
}

function statelessChannel(
  message: StatelessRequest,
  answer: PostResponder,
  round: QuestionRound,
): ClientChannel {
  const { meta } = message;
  const { progressToken } = meta as { progressToken?: string | number };
  const abilities = abilitiesOf(message);
  const elicits = elicitsOf(abilities);
  const notify = (notification: object) => answer.write({ jsonrpc: "2.0", ...notification }, false);
  return {
    progress(progress, total, text) {
      if (progressToken !== undefined) notify(progressOf(progressToken, progress, total, text));
    },
    log(level, data) {
      if (!reaches(level, meta[LOG_LEVEL_META_KEY])) return;
      notify({ method: "notifications/message", params: { level, data } });
    },
    ask: (question) => round.put(inquire(question), (response) => readAnswer(question, response)),
    sample: (prompt, options) => round.put(inquireSample(prompt, options), readSample),
    relay: (inquiry) => round.put(inquiry, (response) => response),
    elicits,
    showsViews: showsViews(abilities),
    abilities,
    tasks: takesTasks(abilities),
    // Streams of this revision cannot be resumed.
    release: () => {},
    visit: (page) => round.put(inquireVisit(page, elicits, false), readVisit),
    // This revision has no such notification: the client repeats the call.
    endVisit: () => {},
  };
}
