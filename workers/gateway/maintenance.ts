import type { JsonValue } from "../../shared/encoding/json.ts";
import { log } from "../../shared/observe/log.ts";
import { removeOldFactors } from "../../shared/people/fresh-factor.ts";
import { policyInForce } from "../../shared/policy/current.ts";
import { writeDailyExport } from "../audit-log/daily-export.ts";
import { removeOldCalls } from "../audit-log/figures/remove-calls.ts";
import { removeFigures } from "../audit-log/figures/remove-figures.ts";
import { redriveDeadLetters } from "../audit-log/redrive.ts";
import { type RunBudget, runRounds } from "../audit-log/run-rounds.ts";
import { type Sweep, sweepRecords } from "../audit-log/sweep-records.ts";
import { removeEndedFiles } from "../connections/files/remove-files.ts";
import { resealSecrets } from "../connections/vault.ts";
import { removeOldWrites } from "../connections/write-keys.ts";
import { listServers } from "../servers.ts";
import { removeOldRequests } from "./admin-jobs/admin-request.ts";
import { forgetCountries } from "./alerts/read-behaviour.ts";
import { removeEndedApprovals } from "./approvals/list-approvals.ts";
import { removeEndedStanding } from "./approvals/standing.ts";
import { removeEndedTickets } from "./connections/ticket.ts";
import { removeEndedWork } from "./console/sessions/open-work.ts";
import { reportDatabaseSizes } from "./health/database-sizes.ts";
import { removeEndedKeys } from "./keys/own-keys.ts";
import { removeEndedLinks } from "./password-links/use-link.ts";
import { removeEndedSessions } from "./people.ts";
import { recordPolicyChanges } from "./policy-changes.ts";
import { renewEncryption } from "./second-factor/renew-encryption.ts";

/** Most rows that one run deletes per table. */
const ROWS = 1_000;
const WRITES_BUDGET: RunBudget = { clock: () => Date.now(), ms: 60_000, rounds: 100 };
/** Most counts of calls that one run deletes of each kind. */
const FIGURES = 20_000;
/** Most dead letters that one run delivers again. */
const LETTERS = 100;
/** Milliseconds for which outcomes of requests can be fetched, and for which requests are kept. */
const DATA_KEPT_MS = 24 * 60 * 60_000;
const FACTORS_KEPT_MS = 400 * DATA_KEPT_MS;
const REQUESTS_KEPT_MS = 30 * DATA_KEPT_MS;

/**
 * Hourly housekeeping of the platform database; see `work`. A failing job is logged and does not stop the
 * others. Grants and tokens need none: each user's GrantStore sweeps itself.
 */
export async function runMaintenance(env: Env): Promise<void> {
  const database = env.PLATFORM_DB;
  const now = new Date();
  const at = now.getTime();
  const work: Record<string, () => Promise<JsonValue>> = {
    policy_changes: () => recordPolicyChanges(env),
    sessions: () => removeEndedSessions(database, now, ROWS),
    password_links: () => removeEndedLinks(database, at, ROWS),
    keys: () => removeEndedKeys(database, at, ROWS),
    approvals: () => removeEndedApprovals(database, at, ROWS),
    standing_approvals: () => removeEndedStanding(database, at, ROWS),
    open_work: () => removeEndedWork(database, at, ROWS),
    requests: () => removeOldRequests(database, at - REQUESTS_KEPT_MS, at - DATA_KEPT_MS, ROWS),
    dead_letters: () => redriveDeadLetters(env, LETTERS),
    second_factors: () => renewEncryption(env, ROWS),
    countries: () => forgetCountries(database, at, ROWS),
    fresh_factors: () => removeOldFactors(database, at - FACTORS_KEPT_MS, ROWS),
    tickets: () => removeEndedTickets(database, at),
    files: () => removeEndedFiles(env, at, ROWS),
    connection_writes: () => removeAllOldWrites(database, at),
    connection_secrets: () => resealSecrets(env),
    ...Object.fromEntries(
      listServers().flatMap(({ name, purgeExpired }) =>
        purgeExpired ? [[`${name}_kept`, () => purgeExpired(env, now)] as const] : [],
      ),
    ),
    full_databases: () => reportDatabaseSizes(env),
    // Before records past retention are removed: a removal meanwhile would stop it.
    daily_export: () => writeDailyExport(env, at),
    records: () => sweepInForce(env, at),
    figures: async () => removeFigures(database, (await policyInForce(env)).retention, at, FIGURES),
  };
  const done: Record<string, JsonValue> = {};
  for (const [name, run] of Object.entries(work)) {
    done[name] = await (async () => run())().catch((failure: unknown) => {
      log("error", "maintenance_failed", { work: name, error: String(failure) });
      return "failed";
    });
  }
  log(Object.values(done).includes("failed") ? "error" : "info", "maintenance", done);
}

/** At a hundred writes with a key a second, those of an hour are many times {@link ROWS}. */
async function removeAllOldWrites(database: D1Database, at: number): Promise<number> {
  let removed = 0;
  await runRounds(async () => {
    const rows = await removeOldWrites(database, at, ROWS);
    removed += rows;
    return { more: rows >= ROWS };
  }, WRITES_BUDGET);
  return removed;
}

/**
 * Removes records of the trail that are past retention. Runs every five minutes: at a hundred calls a second, the
 * records of an hour are more than one run removes.
 */
export async function removeRetiredRecords(env: Env): Promise<void> {
  await removeOldCalls(env.PLATFORM_DB);
  const sweep = await sweepInForce(env, Date.now());
  if (sweep.emptied + sweep.cut > 0) log("info", "records_removed", sweep);
}

async function sweepInForce(env: Env, now: number): Promise<Sweep> {
  return await sweepRecords(env, (await policyInForce(env)).retention, now);
}
