import {
  createMcpHandler,
  type RequestMethod,
  Server,
  type ServerContext,
} from "@modelcontextprotocol/server";
import { z } from "zod";
import { collectAnswers, NOTHING_ASKED, type Round } from "../../call/input-needed.ts";
import { isRecord } from "../../encoding/is-record.ts";
import { log } from "../../observe/log.ts";
import type { Catalogue } from "../../server/catalogue.ts";
import type { RoundState } from "../methods/request-state.ts";
import { SERVER_INFO, STATELESS_CAPABILITIES } from "../methods/server-info.ts";
import { DISCOVERY_CACHE, STATELESS_METHODS, type StatelessMethod } from "./stateless-methods.ts";
import { rememberValidatedMeta, type StatelessRequest } from "./stateless-request.ts";

/** Validation of one message. */
interface ValidationRun {
  body: Readonly<Record<string, unknown>>;
  state: RoundState;
  /** What the request's state says was asked; set once its signature was verified. */
  round: Round;
  /** Set when the message reaches a handler. */
  passed: StatelessRequest | null;
}

/** Returns the parsed request, or the SDK's response to it. */
export type SdkValidator = (
  request: Request,
  body: Readonly<Record<string, unknown>>,
  state: RoundState,
) => Promise<StatelessRequest | Response>;

/** Parameters of methods without an SDK schema: the method checks them itself. */
const ANYTHING = z.looseObject({});

/**
 * Validates messages with the SDK: runs its handler over a server whose handlers only capture the parsed
 * request. Returns the SDK's own response if it rejects the message (or for `server/discover`), otherwise the
 * captured request.
 */
export function createSdkValidator(catalogue: Catalogue): SdkValidator {
  const handler = createMcpHandler(
    ({ authInfo }) => createServer(catalogue, authInfo?.extra as unknown as ValidationRun),
    {
      legacy: "reject",
      onerror: (error) => log("debug", "stateless_rejected", { error: error.message }),
    },
  );
  return async (request, body, state) => {
    const validation: ValidationRun = { body, state, round: NOTHING_ASKED, passed: null };
    const extra = validation as unknown as Record<string, unknown>;
    const response = await handler.fetch(request, {
      authInfo: { token: "", clientId: "", scopes: [], extra },
      parsedBody: body,
    });
    if (validation.passed === null) return response;
    await response.body?.cancel();
    rememberValidatedMeta(validation.passed.meta);
    return validation.passed;
  };
}

function createServer(catalogue: Catalogue, validation: ValidationRun): Server {
  const server = new Server(
    { ...SERVER_INFO, title: catalogue.title },
    {
      capabilities: STATELESS_CAPABILITIES,
      instructions: catalogue.instructions,
      cacheHints: { "server/discover": DISCOVERY_CACHE },
      requestState: {
        async verify(state) {
          validation.round = await validation.state.verify(state);
          return validation.round;
        },
      },
    },
  );
  for (const [name, method] of STATELESS_METHODS) {
    // The SDK's response to a captured request is dropped, whatever this returns.
    const note = (params: unknown, ctx: ServerContext): never => {
      validation.passed = describe(method, validation, params, ctx);
      return {} as never;
    };
    if (method.custom) server.setRequestHandler(name, { params: ANYTHING }, note);
    else server.setRequestHandler(name as RequestMethod, ({ params }, ctx) => note(params, ctx));
  }
  return server;
}

function describe(
  method: StatelessMethod,
  { body, round }: ValidationRun,
  params: unknown,
  { mcpReq }: ServerContext,
): StatelessRequest {
  const sent = isRecord(body.params) ? body.params : {};
  // Not `mcpReq.requestState()`: the SDK verifies it for three methods, and gives others what the client sent.
  return {
    id: mcpReq.id,
    method,
    // The SDK removes the members of a continued call from the parameters; an extension's method may use
    // them.
    params: method.custom ? sent : isRecord(params) ? params : {},
    meta: isRecord(sent._meta) ? sent._meta : {},
    answers: collectAnswers(round, mcpReq.inputResponses ?? {}),
    stateId: round.id,
  };
}
