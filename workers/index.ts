import { app } from "./gateway/app.ts";
import { runMaintenance } from "./gateway/maintenance.ts";
import { writeCheckpoints } from "./principal/write-checkpoints.ts";
import { writeRecords } from "./principal/write-records.ts";

export { AnalyticsAgent } from "./analytics/agent.ts";
export { CrmAgent } from "./crm/agent.ts";
export { GatewayAgent } from "./gateway/agent.ts";
export { GrantStore } from "./grants/grant-store.ts";
export { KnowledgeAgent } from "./knowledge/agent.ts";
export { Principal } from "./principal/principal.ts";
export { ToolLimiter } from "./tool-limits/tool-limiter.ts";

export default {
  fetch: app.fetch,
  queue: writeRecords,
  scheduled(_controller, env, ctx) {
    ctx.waitUntil(writeCheckpoints(env));
    ctx.waitUntil(runMaintenance(env));
  },
} satisfies ExportedHandler<Env>;
