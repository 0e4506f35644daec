import { isKeyId } from "../../../shared/auth/access-key.ts";
import { findKeyName } from "../keys/own-keys.ts";
import { readGrantMetadata } from "../oauth/grant.ts";
import { getOAuthServers } from "../oauth/oauth.ts";

/** The app behind a grant, as the user agreed to it when connecting; or the API key, as its owner named it; `null` when it is gone. */
export async function findApp(
  env: Env,
  userId: string,
  grantId: string,
): Promise<{ name: string; domain: string | null } | null> {
  if (isKeyId(grantId)) {
    const name = await findKeyName(env.PLATFORM_DB, userId, grantId);
    return name === null ? null : { name: `${name} (API key)`, domain: null };
  }
  const oauth = (await getOAuthServers(env)).authorizationServer.getOAuthApi(env);
  for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
    const page = await oauth.listUserGrants(userId, { limit: 100, ...(cursor !== undefined && { cursor }) });
    const grant = page.items.find(({ id }) => id === grantId);
    if (grant) {
      const { clientName, clientDomain } = readGrantMetadata(grant.metadata);
      return { name: clientName, domain: clientDomain };
    }
    cursor = page.cursor;
  }
  return null;
}
