import { log } from "../../shared/observe/log.ts";
import { removeEndedApprovals } from "./approvals/list-approvals.ts";
import { removeEndedCounters } from "./attempts.ts";
import { removeEndedSessions } from "./people.ts";

/** Rows of each table that one run removes at most. */
const ROWS = 1_000;

/**
 * The hourly clean-up of the platform's database: ended sign-in sessions, attempt counters and approvals. Grants and tokens need
 * none: each user's GrantStore sweeps itself.
 */
export async function runMaintenance(env: Env): Promise<void> {
  const now = new Date();
  const sessions = await removeEndedSessions(env.PLATFORM_DB, now, ROWS);
  const counters = await removeEndedCounters(env.PLATFORM_DB, now.getTime(), ROWS);
  const approvals = await removeEndedApprovals(env.PLATFORM_DB, now.getTime(), ROWS);
  log("info", "maintenance", { sessions, counters, approvals });
}
