import { app } from "./gateway/app.ts";
import { runMaintenance } from "./gateway/maintenance.ts";
import { writeCallLog } from "./principal/call-log.ts";

export { AnalyticsAgent } from "./analytics/agent.ts";
export { CrmAgent } from "./crm/agent.ts";
export { GatewayAgent } from "./gateway/agent.ts";
export { GrantStore } from "./grants/grant-store.ts";
export { KnowledgeAgent } from "./knowledge/agent.ts";
export { Principal } from "./principal/principal.ts";

export default {
  fetch: app.fetch,
  queue: writeCallLog,
  scheduled: (_controller, env, ctx) => ctx.waitUntil(runMaintenance(env)),
} satisfies ExportedHandler<Env>;
