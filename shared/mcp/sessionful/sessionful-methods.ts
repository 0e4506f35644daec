import type { Server } from "@modelcontextprotocol/sdk/server/index.js";
import {
  CallToolRequestSchema,
  CompleteRequestSchema,
  GetPromptRequestSchema,
  ListPromptsRequestSchema,
  ListResourcesRequestSchema,
  ListResourceTemplatesRequestSchema,
  ListToolsRequestSchema,
  ReadResourceRequestSchema,
  type ServerNotification,
  type ServerResult,
  SetLevelRequestSchema,
  SubscribeRequestSchema,
  UnsubscribeRequestSchema,
} from "@modelcontextprotocol/sdk/types.js";
import type { LogLevel } from "../../call/log-level.ts";
import { callTool } from "../../guard/call-tool.ts";
import type { RequestContext } from "../../guard/request-context.ts";
import { BINDING_HEADER } from "../http/headers.ts";

import {
  complete,
  getPrompt,
  listPrompts,
  listResources,
  listTemplates,
  listTools,
  readResource,
} from "../methods/handlers.ts";
import type { SessionWatch } from "./session-watch.ts";
import type { Extra } from "./sessionful-channel.ts";

/** What the methods need of their session. */
export interface MethodSession {
  watch: SessionWatch;
  /** The context of one request: the caller and the policy. */
  ctx(extra: Extra): Promise<RequestContext>;
  setLogLevel(level: LogLevel): Promise<void>;
}

/**
 * Registers the methods of the sessionful generation on an SDK v1 server, with the handlers that both lanes
 * share.
 */
export function registerMethods(server: Server, { watch, ctx, setLogLevel }: MethodSession): void {
  const on = async <Params>(
    extra: Extra,
    params: Params,
    handle: (ctx: RequestContext, params: Params) => unknown,
  ) => (await handle(await ctx(extra), params)) as ServerResult;
  server.setRequestHandler(ListToolsRequestSchema, ({ params }, extra) =>
    on(extra, params, (call) => listTools(call, params?.cursor)),
  );
  server.setRequestHandler(CallToolRequestSchema, ({ params }, extra) =>
    on(extra, params, async (call) => {
      const { answer, allowed } = await callTool(call, params.name, params.arguments);
      if (allowed && call.catalogue.tools.get(params.name)?.subject.effect !== "read")
        await announceUpdates(watch, allowed, extra);
      return answer;
    }),
  );
  server.setRequestHandler(SetLevelRequestSchema, async ({ params }) => {
    await setLogLevel(params.level);
    return {};
  });
  server.setRequestHandler(SubscribeRequestSchema, ({ params }, extra) =>
    on(extra, params, async (call) => {
      const binding = String(extra.requestInfo?.headers[BINDING_HEADER] ?? "");
      await watch.add(call, params.uri, binding);
      return {};
    }),
  );
  server.setRequestHandler(UnsubscribeRequestSchema, async ({ params }) => {
    await watch.remove(params.uri);
    return {};
  });
  server.setRequestHandler(ListResourcesRequestSchema, ({ params }, extra) =>
    on(extra, params, (call) => listResources(call, params?.cursor)),
  );
  server.setRequestHandler(ListResourceTemplatesRequestSchema, ({ params }, extra) =>
    on(extra, params, (call) => listTemplates(call, params?.cursor)),
  );
  server.setRequestHandler(ReadResourceRequestSchema, ({ params }, extra) =>
    on(extra, params, (call) => readResource(call, params.uri)),
  );
  server.setRequestHandler(ListPromptsRequestSchema, ({ params }, extra) =>
    on(extra, params, (call) => listPrompts(call, params?.cursor)),
  );
  server.setRequestHandler(GetPromptRequestSchema, ({ params }, extra) =>
    on(extra, params, (call) => getPrompt(call, params.name, params.arguments)),
  );
  server.setRequestHandler(CompleteRequestSchema, ({ params }, extra) =>
    on(extra, params, (call) => complete(call, params.ref, params.argument, params.context?.arguments ?? {})),
  );
}

/**
 * Sends the updates that a call caused on the call's own stream, so that they are not lost without a GET
 * stream.
 */
async function announceUpdates(watch: SessionWatch, call: RequestContext, extra: Extra): Promise<void> {
  for (const notice of await watch.changesAfterCall(call)) {
    await extra.sendNotification(notice as ServerNotification).catch(() => {});
  }
}
