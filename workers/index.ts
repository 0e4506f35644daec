import { tracing } from "cloudflare:workers";
import { logFailure } from "../shared/observe/log.ts";
import { useTracer } from "../shared/observe/spans.ts";
import { copyReference } from "../shared/policy/reference-copy.ts";
import { createTracer } from "../shared/upstream/tracing.ts";
import { feedSinks } from "./audit-log/feed-sinks.ts";
import { countRecords } from "./audit-log/figures/count-records.ts";
import { takeOverCalls } from "./audit-log/figures/take-over-calls.ts";
import { writeDays } from "./audit-log/figures/write-days.ts";
import { moveRecords } from "./audit-log/move-records.ts";
import { writeCheckpoints, writeOverdueCheckpoints } from "./audit-log/write-checkpoints.ts";
import { writeRecords } from "./audit-log/write-records.ts";
import { LINKS_CRON, REQUESTS_CRON } from "./crons.ts";
import { runAdminJobs, runLinks } from "./gateway/admin-jobs/run-admin-jobs.ts";
import { runAlerts } from "./gateway/alerts/run-alerts.ts";
import { app } from "./gateway/app.ts";
import { moveCounters } from "./gateway/limits/attempts.ts";
import { removeRetiredRecords, runMaintenance } from "./gateway/maintenance.ts";
import { followDue } from "./gateway/scim/follow-groups.ts";
import { embedArticles } from "./knowledge/vectors/embed-job.ts";

export { AnalyticsAgent } from "./analytics/agent.ts";
export { CrmAgent } from "./crm/agent.ts";
export { GatewayAgent } from "./gateway/mcp/agent.ts";
export { KnowledgeAgent } from "./knowledge/agent.ts";
export { PersonAccount } from "./objects/accounts/person-account.ts";
export { Attempts } from "./objects/attempts/attempts.ts";
export { ChangeHub } from "./objects/changes/change-hub.ts";
export { ConnectionPool } from "./objects/connections/connection-pool.ts";
export { EventDeliveries } from "./objects/events/event-deliveries.ts";
export { GrantStore } from "./objects/grants/grant-store.ts";
export { Principal } from "./objects/principal/principal.ts";
export { TaskRunner } from "./objects/tasks/task-runner.ts";
export { ToolLimiter } from "./objects/tool-limits/tool-limiter.ts";

// In every isolate, those of the objects too.
useTracer(createTracer(process.env, tracing));

export default {
  fetch: app.fetch,
  queue: writeRecords,
  /** Work of a trigger: links, what is done every five minutes, or by any other trigger everything, each hour. */
  scheduled({ cron }, env, ctx) {
    if (cron === LINKS_CRON) return ctx.waitUntil(logged("links_not_sent", runLinks(env)));
    ctx.waitUntil(logged("policy_not_copied", copyReference(env)));
    ctx.waitUntil(logged("admin_requests_failed", runAdminJobs(env)));
    ctx.waitUntil(logged("roles_not_followed", followDue(env)));
    ctx.waitUntil(logged("articles_not_embedded", embedArticles(env)));
    ctx.waitUntil(logged("audit_sinks_failed", feedSinks(env)));
    // Alerts come from the newest counts, and also when counting fails.
    const counted = logged("records_not_counted", countRecords(env.PLATFORM_DB));
    ctx.waitUntil(logged("days_not_counted", writeDays(env.PLATFORM_DB, Date.now())));
    ctx.waitUntil(
      logged(
        "alerts_failed",
        counted.then(() => runAlerts(env, Date.now())),
      ),
    );
    if (cron === REQUESTS_CRON) {
      ctx.waitUntil(logged("audit_checkpoint_failed", writeOverdueCheckpoints(env)));
      ctx.waitUntil(logged("records_not_removed", removeRetiredRecords(env)));
      ctx.waitUntil(logged("records_not_moved", moveRecords(env)));
      ctx.waitUntil(logged("counters_not_moved", moveCounters(env, Date.now())));
      ctx.waitUntil(logged("calls_not_moved", takeOverCalls(env.PLATFORM_DB)));
      return;
    }
    ctx.waitUntil(logged("audit_checkpoint_failed", writeCheckpoints(env)));
    ctx.waitUntil(logged("maintenance_failed", runMaintenance(env)));
  },
} satisfies ExportedHandler<Env>;

/** A failure of scheduled work is an error in the log; the next run does the work. */
function logged(event: string, work: Promise<unknown>): Promise<unknown> {
  return work.catch((failure: unknown) => void logFailure(event, failure));
}
