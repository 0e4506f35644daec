import { app } from "./gateway/app.ts";
import { runMaintenance } from "./gateway/maintenance.ts";
import { carryOutRequests } from "./gateway/requests/carry-out.ts";
import { embedArticles } from "./knowledge/vectors/embed-job.ts";
import { writeCheckpoints } from "./principal/write-checkpoints.ts";
import { writeRecords } from "./principal/write-records.ts";

export { AnalyticsAgent } from "./analytics/agent.ts";
export { ChangeHub } from "./changes/change-hub.ts";
export { CrmAgent } from "./crm/agent.ts";
export { GatewayAgent } from "./gateway/agent.ts";
export { TaskRunner } from "./gateway/tasks/task-runner.ts";
export { GrantStore } from "./grants/grant-store.ts";
export { KnowledgeAgent } from "./knowledge/agent.ts";
export { Principal } from "./principal/principal.ts";
export { ToolLimiter } from "./tool-limits/tool-limiter.ts";

/** The trigger of `wrangler.toml` for administrators' requests and articles to embed; the other one is for everything. */
const REQUESTS_CRON = "*/5 * * * *";

export default {
  fetch: app.fetch,
  queue: writeRecords,
  scheduled({ cron }, env, ctx) {
    ctx.waitUntil(carryOutRequests(env));
    ctx.waitUntil(embedArticles(env));
    if (cron === REQUESTS_CRON) return;
    ctx.waitUntil(writeCheckpoints(env));
    ctx.waitUntil(runMaintenance(env));
  },
} satisfies ExportedHandler<Env>;
