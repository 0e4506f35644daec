import { accountGate } from "../../../shared/objects/account-gate.ts";
import { eventGate } from "../../../shared/objects/event-gate.ts";
import { openObject } from "../../../shared/objects/open-object.ts";
import { taskGate } from "../../../shared/objects/task.ts";
import { policyInForce } from "../../../shared/policy/current.ts";
import { COUNTS, GRAINS } from "../../audit-log/figures/grains.ts";
import { isHeld, isHeldSql } from "../../audit-log/legal-hold.ts";
import { storeRecords } from "../../audit-log/store-records.ts";
import { sweepRecords } from "../../audit-log/sweep-records.ts";
import { removeFilesOf } from "../../connections/files/remove-files.ts";
import type { Principal } from "../../objects/principal/principal.ts";
import { grantStore } from "../grants/grant-objects.ts";

/** Result of an erasure. `removed` counts by kind; audit records beyond a run's bound are removed hourly. */
export type ErasureOutcome =
  | { erased: true; removed: Record<string, number> }
  | { erased: false; why: string };

/** Methods of a Principal object that the erasure uses. */
type Kept = Pick<
  Principal,
  | "endHolder"
  | "eraseKept"
  | "forgetPerson"
  | "forgetStored"
  | "readUnstored"
  | "recordOnce"
  | "revokeGrant"
  | "readKept"
>;

/** A person's Principal object, with the methods for administrators' requests. */
export function keptBy(env: Env, userId: string): Kept {
  return openObject<Kept>(env, env.PRINCIPAL, userId);
}

// Each statement checks the hold again, in the same transaction: a hold that was just set stops all of them.
const ACCOUNT = {
  sign_in_sessions: `DELETE FROM "session" WHERE "userId" = ?1`,
  credentials: `DELETE FROM "account" WHERE "userId" = ?1`,
  identities: "DELETE FROM federated_identity WHERE user_id = ?1",
  password_links: "DELETE FROM password_link WHERE user_id = ?1",
  second_factor: `DELETE FROM "twoFactor" WHERE "userId" = ?1`,
  passkeys: "DELETE FROM passkey WHERE user_id = ?1",
  provisioning: "DELETE FROM scim_user WHERE user_id = ?1",
  fresh_factors: "DELETE FROM fresh_factor WHERE user_id = ?1",
  verifications: `DELETE FROM "verification" WHERE "identifier" IN (SELECT "email" FROM "user" WHERE "id" = ?1)`,
  call_log: "DELETE FROM call_log WHERE user_id = ?1",
  writes: "DELETE FROM connection_write WHERE user_id = ?1",
  answers:
    "UPDATE admin_request SET outcome = NULL WHERE kind = 'data_export' AND user_id = ?1 AND outcome IS NOT NULL",
  approvals: "DELETE FROM approval WHERE requester = ?1",
  standing_approvals: "DELETE FROM standing_approval WHERE requester = ?1",
  open_calls: "DELETE FROM open_call WHERE chain = ?1",
  app_uses: "DELETE FROM audit_last_use WHERE chain = ?1",
  figures: "DELETE FROM call_figure WHERE grain IN (3600, 86400) AND dimension = 'person' AND member = ?1",
  uses: "DELETE FROM call_figure WHERE grain = 3600 AND dimension = 'use' AND member >= ?1 || ' ' AND member < ?1 || '!'",
  countries: `DELETE FROM known_country WHERE ((dimension = 'person' AND member = ?1)
     OR (dimension = 'app' AND member IN (SELECT id FROM access_key WHERE owner = ?1)))`,
  // Their secrets go with them.
  api_keys: "DELETE FROM access_key WHERE owner = ?1",
  account: `DELETE FROM "user" WHERE "id" = ?1`,
};

// What an app was called by all people together names none of them.
const KEEP_APPS = `
  INSERT INTO call_figure (grain, dimension, at, member, ${COUNTS.join(", ")})
  SELECT grain, dimension, at, substr(member, instr(member, ' ')), ${COUNTS.join(", ")} FROM call_figure
   WHERE grain = ${GRAINS.hour} AND dimension = 'use' AND member >= ?1 || ' ' AND member < ?1 || '!'
     AND EXISTS (SELECT 1 FROM erased_person WHERE user_id = ?1)
  ON CONFLICT (grain, dimension, at, member) DO UPDATE
     SET ${COUNTS.map((name) => `${name} = ${name} + excluded.${name}`).join(", ")}`;

const NAME_WHO_ASKED = `
  UPDATE admin_request SET by = ?2
   WHERE user_id = ?1 AND kind = 'person_change' AND by = 'database' AND done_at IS NULL`;

const COUNT_EVENTS = `
  SELECT (SELECT count(*) FROM audit_record WHERE chain = ?1 AND event IS NOT NULL AND type <> 'erasure')
       + (SELECT ifnull(sum(span.last - span.first + 1), 0) FROM audit_part AS part
           CROSS JOIN audit_span AS span ON span.part = part.id
           WHERE part.chain = ?1 AND part.secret IS NOT NULL AND part.kind <> 'erasure') AS total`;

/**
 * Erases one person: first the account, so that no new activity starts; then connections, data kept for their
 * apps, and the events of their chain, whose position, type and time stay. The opaque user id stays too.
 * Refuses under a hold. Repeatable; removals of an earlier try are not counted again.
 *
 * @param requestId - the request that asks for it; the last event of the chain is recorded once per request
 */
export async function erasePerson(
  env: Env,
  userId: string,
  requestId: number,
  by: string,
): Promise<ErasureOutcome> {
  const database = env.PLATFORM_DB;
  const { retention } = await policyInForce(env);
  if (retention.legal_hold || (await isHeld(database, userId))) return refuse();
  const keys = await database
    .prepare("SELECT id FROM access_key WHERE owner = ?")
    .bind(userId)
    .all<{ id: string }>();
  const results = await database.batch([
    database
      .prepare(`INSERT OR IGNORE INTO erased_person (user_id, at) SELECT ?1, ?2 WHERE NOT ${isHeldSql("?1")}`)
      .bind(userId, Date.now()),
    database.prepare(KEEP_APPS).bind(userId),
    ...Object.values(ACCOUNT).map((sql) =>
      database
        .prepare(`${sql} AND EXISTS (SELECT 1 FROM erased_person WHERE user_id = ?1) RETURNING 1`)
        .bind(userId),
    ),
    database.prepare(NAME_WHO_ASKED).bind(userId, by),
  ]);
  if (!(await isErased(database, userId))) return refuse();
  // Writes of triggers count as changes too, so rows are counted by what each statement returned.
  const counts = Object.keys(ACCOUNT).map((name, index) => [name, results[index + 2]?.results.length ?? 0]);

  const principal = keptBy(env, userId);
  const grants = (await endGrants(env, userId)).length;
  for (const { id } of keys.results) await principal.revokeGrant(id);
  const accounts = await endAccounts(env, userId);
  const files = await removeFilesOf(env, userId);
  const kept = await principal.eraseKept();
  const tasks = await taskGate(env, userId).eraseKept();
  const subscriptions = await eventGate(env, userId).eraseKept();
  await principal.recordOnce(userId, `request ${requestId}`, { type: "erasure", userId, removed: {}, by });
  for (let links = await principal.readUnstored(); links.length > 0; ) {
    await storeRecords(env, links);
    links = await principal.readUnstored();
  }
  await principal.forgetStored();
  const events = await countEvents(database, userId);
  await sweepRecords(env, retention, Date.now());
  const left = await countEvents(database, userId);
  return {
    erased: true,
    removed: {
      ...Object.fromEntries(counts),
      connected_apps: grants,
      contexts: kept.contexts,
      kept_results: kept.results,
      tasks,
      event_subscriptions: subscriptions,
      connected_accounts: accounts,
      files,
      audit_events: events - left,
      audit_events_to_go_hourly: left,
    },
  };
}

/** Disconnects every app of a person, for the next call of each. Returns the ids of their grants. */
export async function endGrants(env: Env, userId: string): Promise<string[]> {
  const grants = await grantStore(env, userId).eraseAll();
  for (const grantId of grants) await keptBy(env, userId).revokeGrant(grantId);
  return grants;
}

/** Ends the person's accounts at connections; their tokens are revoked where the other side can. Returns their number. */
export async function endAccounts(env: Env, person: string): Promise<number> {
  const { results } = await env.PLATFORM_DB.prepare("SELECT connection FROM person_account WHERE user_id = ?")
    .bind(person)
    .all<{ connection: string }>();
  for (const { connection } of results)
    await accountGate(env, connection, person).disconnect({ connection, person });
  return results.length;
}

/** Ends tokens that were exchanged for assertions about the person; accounts that they connected stay. */
export async function endExchanged(env: Env, person: string): Promise<void> {
  const { results } = await env.PLATFORM_DB.prepare("SELECT connection FROM person_account WHERE user_id = ?")
    .bind(person)
    .all<{ connection: string }>();
  for (const { connection } of results)
    await accountGate(env, connection, person).forgetExchanged({ connection, person });
}

async function countEvents(database: D1Database, userId: string): Promise<number> {
  return (await database.prepare(COUNT_EVENTS).bind(userId).first<{ total: number }>())?.total ?? 0;
}

async function isErased(database: D1Database, userId: string): Promise<boolean> {
  return (
    (await database.prepare("SELECT 1 FROM erased_person WHERE user_id = ?").bind(userId).first()) !== null
  );
}

function refuse(): ErasureOutcome {
  return { erased: false, why: "A legal hold covers this person. Release it first, then ask again." };
}
