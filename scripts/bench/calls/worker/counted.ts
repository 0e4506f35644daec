import { env } from "cloudflare:workers";
import { GatewayAgent as PlainAgent } from "../../../../workers/gateway/mcp/agent.ts";
import { GrantStore as PlainStore } from "../../../../workers/objects/grants/grant-store.ts";
import { Principal as PlainPrincipal } from "../../../../workers/objects/principal/principal.ts";
import { COUNTS_PATH } from "../counts.ts";
import { add, readCounts, watchBindings, watchLog, watchStorage } from "./counts.ts";
import worker from "./gateway.ts";

watchBindings(env as unknown as Record<string, unknown>);
watchLog();

export {
  AnalyticsAgent,
  Attempts,
  ChangeHub,
  ConnectionPool,
  CrmAgent,
  EventDeliveries,
  KnowledgeAgent,
  PersonAccount,
  TaskRunner,
  ToolLimiter,
} from "./gateway.ts";

export class GatewayAgent extends PlainAgent {
  constructor(ctx: DurableObjectState, bindings: Env) {
    watchStorage(ctx.storage);
    super(ctx, bindings);
  }
}

export class GrantStore extends PlainStore {
  constructor(ctx: DurableObjectState, bindings: Env) {
    watchStorage(ctx.storage);
    super(ctx, bindings);
  }
}

export class Principal extends PlainPrincipal {
  constructor(ctx: DurableObjectState, bindings: Env) {
    watchStorage(ctx.storage);
    super(ctx, bindings);
  }

  override async alarm(): Promise<void> {
    add("request alarm");
    await super.alarm();
  }
}

/** The guarded Worker with an endpoint for its counters. */
export default {
  ...worker,
  fetch(request: Request, bindings: Env, ctx: ExecutionContext): Response | Promise<Response> {
    if (new URL(request.url).pathname === COUNTS_PATH) return Response.json(readCounts());
    return worker.fetch(request, bindings, ctx);
  },
  async queue(batch: MessageBatch<unknown>, bindings: Env): Promise<void> {
    add("queue batches");
    await worker.queue(batch, bindings);
  },
};
