import { isRecord } from "../../encoding/is-record.ts";
import { callTool } from "../../guard/call-tool.ts";
import type { RequestContext } from "../../guard/request-context.ts";
import {
  listEvents,
  type NamedEvent,
  pollEvents,
  subscribeEvent,
  unsubscribeEvent,
} from "../methods/events.ts";
import {
  type CompletionReference,
  complete,
  getPrompt,
  listPrompts,
  listResources,
  listTemplates,
  listTools,
  readResource,
} from "../methods/handlers.ts";
import { cancelTask, getTask, updateTask } from "../methods/tasks.ts";
import { type StreamWire, streamEvents } from "./event-stream.ts";

/** Parameters of a request, validated by the method's own schema. */
export type Params = Readonly<Record<string, unknown>>;

/**
 * How long a client may reuse a result (SEP-2549). Never public, because role and scopes decide its content.
 */
export interface CacheHint {
  ttlMs: number;
  cacheScope: "private";
}

/** One request method of the stateless generation. */
export interface StatelessMethod {
  /** The parameter that the header `Mcp-Name` repeats (SEP-2243). */
  named?: "name" | "uri" | "taskId";
  cache?: CacheHint;
  /** Whether an extension defines the method, so that the SDK cannot check its parameters. */
  custom?: boolean;
  /**
   * Whether parameters have the usual shape of the specification. If not, the SDK validates them with its
   * schemas; if so, they would have passed.
   */
  isPlain(params: Params): boolean;
  /** The result. May throw `InputNeeded`, and {@link ProtocolFault} for a JSON-RPC error. */
  answer(ctx: RequestContext, params: Params, wire: StreamWire): object | Promise<object>;
}

/** Catalogues change with a release or a role. */
const CATALOGUE: CacheHint = { ttlMs: 300_000, cacheScope: "private" };
/** Lists of members change with the data. */
const MEMBERS: CacheHint = { ttlMs: 15_000, cacheScope: "private" };
/** Contents are always read again. */
const CONTENTS: CacheHint = { ttlMs: 0, cacheScope: "private" };

/** Cache lifetime of the SDK's `server/discover` result. */
export const DISCOVERY_CACHE = CATALOGUE;

/** Methods of the stateless generation except `server/discover`, with the handlers that both lanes share. */
export const STATELESS_METHODS: ReadonlyMap<string, StatelessMethod> = new Map<string, StatelessMethod>([
  [
    "tools/call",
    {
      named: "name",
      isPlain: ({ arguments: args }) => args === undefined || isRecord(args),
      answer: async (ctx, params) => {
        const args = params.arguments as Record<string, unknown> | undefined;
        return (await callTool(ctx, String(params.name), args)).answer;
      },
    },
  ],
  ["tools/list", list(CATALOGUE, listTools)],
  ["prompts/list", list(CATALOGUE, listPrompts)],
  ["resources/templates/list", list(CATALOGUE, listTemplates)],
  ["resources/list", list(MEMBERS, listResources)],
  [
    "resources/read",
    {
      named: "uri",
      cache: CONTENTS,
      isPlain: () => true,
      answer: (ctx, { uri }) => readResource(ctx, String(uri)),
    },
  ],
  [
    "prompts/get",
    {
      named: "name",
      isPlain: ({ arguments: args }) =>
        args === undefined || (isRecord(args) && Object.values(args).every(isText)),
      answer: (ctx, params) =>
        getPrompt(ctx, String(params.name), params.arguments as Record<string, string> | undefined),
    },
  ],
  ["events/list", { ...list(CATALOGUE, listEvents), custom: true }],
  ["events/poll", ofEvents(pollEvents)],
  ["events/stream", ofEvents(streamEvents)],
  ["events/subscribe", ofEvents(subscribeEvent)],
  ["events/unsubscribe", ofEvents(unsubscribeEvent)],
  ["tasks/get", ofTask(getTask)],
  ["tasks/update", ofTask((ctx, taskId, { inputResponses }) => updateTask(ctx, taskId, inputResponses))],
  ["tasks/cancel", ofTask(cancelTask)],
  [
    "completion/complete",
    {
      isPlain: () => false,
      answer: (ctx, params) => {
        const { ref, argument, context } = params as unknown as CompletionParams;
        return complete(ctx, ref, argument, context?.arguments ?? {});
      },
    },
  ],
]);

/** Parameters as the SDK's schema outputs them. */
interface CompletionParams {
  ref: CompletionReference;
  argument: { name: string; value: string };
  context?: { arguments?: Record<string, string> };
}

/** A method of the tasks extension (SEP-2663), for which the SDK has no schemas. */
function ofTask(
  answer: (ctx: RequestContext, taskId: unknown, params: Params) => Promise<object>,
): StatelessMethod {
  return {
    named: "taskId",
    custom: true,
    isPlain: () => true,
    answer: (ctx, params) => answer(ctx, params.taskId, params),
  };
}

/** A method of the events extension (SEP-3415), for which the SDK has no schemas. */
function ofEvents<Given extends NamedEvent>(
  answer: (ctx: RequestContext, params: Given, wire: StreamWire) => Promise<object>,
): StatelessMethod {
  return {
    custom: true,
    isPlain: () => false,
    answer: (ctx, params, wire) => answer(ctx, params as never, wire),
  };
}

function list(
  cache: CacheHint,
  handle: (ctx: RequestContext, cursor?: string) => object | Promise<object>,
): StatelessMethod {
  return {
    cache,
    isPlain: ({ cursor }) => cursor === undefined || isText(cursor),
    answer: (ctx, { cursor }) => handle(ctx, cursor as string | undefined),
  };
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}
