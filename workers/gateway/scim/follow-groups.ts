import { giveRole } from "../../../shared/people/change-person.ts";
import { NO_ROLE } from "../../../shared/people/federated.ts";
import { policyInForce } from "../../../shared/policy/current.ts";
import { findRole } from "../../../shared/policy/sign-in.ts";
import { runMarkedJob } from "../admin-jobs/run-admin-jobs.ts";
import { reachPeople } from "../people.ts";

/** Gives provisioned people the role that the policy's rules say for their groups now. It counts at their next call. */
export async function followGroups(env: Env, ids: readonly string[]): Promise<void> {
  const { signIn } = await policyInForce(env);
  for (const id of ids) {
    const person = await env.PLATFORM_DB.prepare(
      `SELECT "email", "role", (SELECT json_group_array(display_name) FROM scim_member
          JOIN scim_group ON scim_group.id = group_id WHERE scim_member.user_id = "user"."id") AS groups
         FROM "user" WHERE "id" = ?`,
    )
      .bind(id)
      .first<{ email: string; role: string; groups: string }>();
    if (person === null) continue;
    const claims = { groups: JSON.parse(person.groups) as string[] };
    const role = findRole(signIn.provisioning, claims, person.email) ?? NO_ROLE;
    if (role === person.role) continue;
    await runMarkedJob(env, await giveRole(reachPeople(env.PLATFORM_DB), id, role, "/scim/v2"));
  }
}
