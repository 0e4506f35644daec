import { log } from "../../shared/observe/log.ts";
import { removeEndedCounters } from "./attempts.ts";
import { openDoor } from "./oauth.ts";
import { removeEndedSessions } from "./people.ts";

/** Where the sweep over grants and tokens stopped; kept between runs, or each would look at the same records. */
const CURSOR_KEY = "maintenance:purge-cursor";
/** Records of each kind that one run looks at. Bounded by the subrequests that one invocation may make. */
const BATCH = 100;
/** Rows of each table that one run removes at most. */
const ROWS = 1_000;

/** The hourly clean-up: OAuth grants and tokens past their end, ended sign-in sessions, ended attempt counters. */
export async function runMaintenance(env: Env): Promise<void> {
  const cursor = (await env.OAUTH_KV.get(CURSOR_KEY)) ?? undefined;
  const sweep = await openDoor(env).authorizationServer.purgeExpiredData(env, {
    batchSize: BATCH,
    ...(cursor !== undefined && { cursor }),
  });
  if (sweep.cursor === undefined) await env.OAUTH_KV.delete(CURSOR_KEY);
  else await env.OAUTH_KV.put(CURSOR_KEY, sweep.cursor);

  const now = new Date();
  const sessions = await removeEndedSessions(env.PLATFORM_DB, now, ROWS);
  const counters = await removeEndedCounters(env.PLATFORM_DB, now.getTime(), ROWS);
  log("info", "maintenance", {
    grants_purged: sweep.grantsPurged,
    tokens_purged: sweep.tokensPurged,
    sessions,
    counters,
    done: sweep.done,
  });
}
