import { writeCheckpoints } from "./audit-log/write-checkpoints.ts";
import { writeRecords } from "./audit-log/write-records.ts";
import { runAdminJobs } from "./gateway/admin-jobs/run-admin-jobs.ts";
import { app } from "./gateway/app.ts";
import { runMaintenance } from "./gateway/maintenance.ts";
import { embedArticles } from "./knowledge/vectors/embed-job.ts";

export { AnalyticsAgent } from "./analytics/agent.ts";
export { CrmAgent } from "./crm/agent.ts";
export { GatewayAgent } from "./gateway/agent.ts";
export { KnowledgeAgent } from "./knowledge/agent.ts";
export { ChangeHub } from "./objects/changes/change-hub.ts";
export { GrantStore } from "./objects/grants/grant-store.ts";
export { Principal } from "./objects/principal/principal.ts";
export { TaskRunner } from "./objects/tasks/task-runner.ts";
export { ToolLimiter } from "./objects/tool-limits/tool-limiter.ts";

/** The trigger of `wrangler.toml` for administrators' requests and articles to embed; the other one is for everything. */
const REQUESTS_CRON = "*/5 * * * *";

export default {
  fetch: app.fetch,
  queue: writeRecords,
  scheduled({ cron }, env, ctx) {
    ctx.waitUntil(runAdminJobs(env));
    ctx.waitUntil(embedArticles(env));
    if (cron === REQUESTS_CRON) return;
    ctx.waitUntil(writeCheckpoints(env));
    ctx.waitUntil(runMaintenance(env));
  },
} satisfies ExportedHandler<Env>;
