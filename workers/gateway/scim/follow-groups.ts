import { overConnection } from "../../../shared/encoding/platform-database.ts";
import { quoteText } from "../../../shared/encoding/quote-text.ts";
import { logFailure } from "../../../shared/observe/log.ts";
import { NO_ROLE } from "../../../shared/people/federated.ts";
import { nameWhoChanged, setRole } from "../../../shared/people/statements.ts";
import { policyInForce } from "../../../shared/policy/current.ts";
import { findRole } from "../../../shared/policy/sign-in/sign-in.ts";
import { runMarkedJob } from "../admin-jobs/run-admin-jobs.ts";
import { followTeams } from "../teams/follow-teams.ts";

/** Most people whom one request or one run of the job follows; the next run goes on. */
const AT_ONCE = 200;
/** People who are followed at the same time. */
const TOGETHER = 25;
/** Most readings of one person while others change their groups; the next run goes on. */
const TRIES = 5;

/**
 * The statement that notes provisioned people whose role is due. Belongs into the transaction that changes what gives it.
 *
 * @param which - a condition in SQL on `scim_user`, with `values` bound
 */
export function markDue(database: D1Database, which: string, ...values: unknown[]): D1PreparedStatement {
  return database
    .prepare(
      `INSERT INTO scim_due (user_id, revision)
       SELECT user_id, lower(hex(randomblob(16))) FROM scim_user WHERE ${which}
       ON CONFLICT (user_id) DO UPDATE SET revision = excluded.revision`,
    )
    .bind(...values);
}

/** Gives one provisioned person the role that the policy's rules say for their groups and e-mail domain now. */
export async function followPerson(env: Env, id: string): Promise<void> {
  await markDue(env.PLATFORM_DB, "user_id = ?", id).run();
  await follow(env, id);
}

/**
 * Gives people whose role is due the one that the policy's rules say now, at most 200 of them. It counts at their next
 * call. A failure is logged, stops no other person, and is repeated by the next run. Teams that lost their last member
 * stop, and those with one again start.
 */
export async function followDue(env: Env): Promise<void> {
  const { results } = await env.PLATFORM_DB.prepare("SELECT user_id FROM scim_due ORDER BY revision LIMIT ?")
    .bind(AT_ONCE)
    .all<{ user_id: string }>();
  for (let from = 0; from < results.length; from += TOGETHER) {
    // Announcements that are on their way together are merged: one after the other, each would wait for its turn.
    await Promise.all(
      results
        .slice(from, from + TOGETHER)
        .map(({ user_id: id }) =>
          follow(env, id).catch((failure: unknown) => void logFailure("role_not_followed", failure)),
        ),
    );
  }
  // Groups are what a team's members come from.
  await followTeams(env);
}

/** Reads groups and role, and writes the role only while no later change has made another revision. */
async function follow(env: Env, id: string): Promise<void> {
  const database = env.PLATFORM_DB;
  for (let tries = 0; tries < TRIES; tries++) {
    const { signIn } = await policyInForce(env);
    const person = await database
      .prepare(
        `SELECT revision, "email", "role", (SELECT json_group_array(display_name) FROM scim_member
            JOIN scim_group ON scim_group.id = group_id WHERE scim_member.user_id = "user"."id") AS groups
           FROM scim_due JOIN "user" ON "user"."id" = user_id WHERE user_id = ?`,
      )
      .bind(id)
      .first<{ revision: string; email: string; role: string; groups: string }>();
    if (person === null) return;
    const claims = { groups: JSON.parse(person.groups) as string[] };
    const role = findRole(signIn.provisioning, claims, person.email) ?? NO_ROLE;
    const due = `scim_due WHERE user_id = ${quoteText(id)} AND revision = ${quoteText(person.revision)}`;
    const isDue = `EXISTS (SELECT 1 FROM ${due})`;
    const mark = crypto.randomUUID();
    const given =
      role === person.role
        ? []
        : [setRole(id, role, new Date().toISOString(), isDue), nameWhoChanged(id, "/scim/v2", mark, isDue)];
    await overConnection(database).change([...given, `DELETE FROM ${due};`].join("\n"));
    if (given.length > 0) await runMarkedJob(env, mark);
  }
}
