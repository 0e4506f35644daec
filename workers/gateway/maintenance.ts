import { log } from "../../shared/observe/log.ts";
import { removeEndedCounters } from "./attempts.ts";
import { removeEndedSessions } from "./people.ts";
import { recordPolicyChanges } from "./policy-changes.ts";

/** Rows of each table that one run removes at most. */
const ROWS = 1_000;

/**
 * The hourly work on the platform's database: publications that nobody recorded yet, and the clean-up of ended sign-in sessions and attempt counters. Grants and tokens need
 * none: each user's GrantStore sweeps itself.
 */
export async function runMaintenance(env: Env): Promise<void> {
  await recordPolicyChanges(env);
  const now = new Date();
  const sessions = await removeEndedSessions(env.PLATFORM_DB, now, ROWS);
  const counters = await removeEndedCounters(env.PLATFORM_DB, now.getTime(), ROWS);
  log("info", "maintenance", { sessions, counters });
}
