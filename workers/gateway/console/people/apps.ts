import { ADMINISTRATION } from "../../../../shared/audit/record.ts";
import { principalGate } from "../../../../shared/objects/principal-gate.ts";
import { type AppPageOf, listConnectedApps } from "../../account/connected-apps.ts";
import { getOAuthServers } from "../../oauth/oauth.ts";

/** The apps that a person connected, newest first, a page at a time. */
export async function listAppsOf(env: Env, userId: string, page: number): Promise<AppPageOf> {
  const oauth = (await getOAuthServers(env)).authorizationServer.getOAuthApi(env);
  return await listConnectedApps(oauth, env, userId, { query: "", page });
}

/**
 * Disconnects one app of a person, as the person does on their own page, and records who did it. Returns whether the person
 * had it.
 *
 * @param by - id of the person who disconnects it
 */
export async function disconnectApp(env: Env, userId: string, grantId: string, by: string): Promise<boolean> {
  const oauth = (await getOAuthServers(env)).authorizationServer.getOAuthApi(env);
  const { items } = await oauth.listUserGrants(userId, { limit: 1_000 });
  if (!items.some(({ id }) => id === grantId)) return false;
  await oauth.revokeGrant(grantId, userId);
  await principalGate(env, ADMINISTRATION).record(ADMINISTRATION, {
    type: "work_ended",
    userId,
    kind: "app",
    id: grantId,
    by: `/console/people (${by})`,
  });
  return true;
}
