import { overConnection } from "../../../../shared/encoding/platform-database.ts";
import { giveRole, setAccess } from "../../../../shared/people/change-person.ts";
import { type CarriedOut, runMarkedJob } from "../../admin-jobs/run-admin-jobs.ts";

/** What the page may change about a person. */
export type AskedChange = { kind: "role"; role: string } | { kind: "disable" } | { kind: "enable" };

/**
 * Changes a person as `npm run people` does: the same function writes the change and who made it, and the same job then
 * ends what the person has open and records it.
 *
 * @param by - id of the person who changes it
 */
export async function changePersonNow(
  env: Env,
  id: string,
  change: AskedChange,
  by: string,
): Promise<CarriedOut> {
  const database = overConnection(env.PLATFORM_DB);
  const who = `/console/people (${by})`;
  const mark =
    change.kind === "role"
      ? await giveRole(database, id, change.role, who)
      : await setAccess(database, id, change.kind === "disable", who);
  return runMarkedJob(env, mark);
}
