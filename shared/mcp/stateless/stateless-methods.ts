import { isRecord } from "../../encoding/is-record.ts";
import { callTool } from "../../guard/call-tool.ts";
import type { RequestContext } from "../../guard/request-context.ts";
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

/** Parameters of a request, in order by the method's own schema. */
export type Params = Readonly<Record<string, unknown>>;

/** How long a client may reuse an answer (SEP-2549). Never public, because role and scopes decide what is in it. */
export interface CacheHint {
  ttlMs: number;
  cacheScope: "private";
}

/** One request method of the stateless generation. */
export interface StatelessMethod {
  /** The parameter that the header `Mcp-Name` repeats (SEP-2243). */
  named?: "name" | "uri" | "taskId";
  cache?: CacheHint;
  /** Whether the specification leaves the method to an extension, so that the SDK cannot check its parameters. */
  custom?: boolean;
  /**
   * Whether parameters have the form that the specification gives them, beyond doubt. Where this says no, the SDK
   * looks at them with its schemas; where it says yes, they would have passed.
   */
  isPlain(params: Params): boolean;
  /** The result. May throw `InputNeeded`, and {@link ProtocolFault} for a JSON-RPC error. */
  answer(ctx: RequestContext, params: Params): object | Promise<object>;
}

/** Catalogues change with a release or a role. */
const CATALOGUE: CacheHint = { ttlMs: 300_000, cacheScope: "private" };
/** Lists of members change with the data. */
const MEMBERS: CacheHint = { ttlMs: 15_000, cacheScope: "private" };
/** Contents are always read anew. */
const CONTENTS: CacheHint = { ttlMs: 0, cacheScope: "private" };

/** `server/discover` is the SDK's to answer; this is how long it holds. */
export const DISCOVERY_CACHE = CATALOGUE;

/** What the stateless generation can be asked beside `server/discover`: the same handlers as in the sessionful one. */
export const STATELESS_METHODS: ReadonlyMap<string, StatelessMethod> = new Map<string, StatelessMethod>([
  [
    "tools/call",
    {
      named: "name",
      isPlain: ({ arguments: args }) => args === undefined || isRecord(args),
      answer: (ctx, params) =>
        callTool(ctx, String(params.name), params.arguments as Record<string, unknown> | undefined),
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

/** As the SDK's schema lets them through. */
interface CompletionParams {
  ref: CompletionReference;
  argument: { name: string; value: string };
  context?: { arguments?: Record<string, string> };
}

/** A method of the tasks extension (SEP-2663). The SDK has no schemas for them. */
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
