import { digestText } from "../../../shared/encoding/canonical-json.ts";
import { principalGate } from "../../../shared/objects/principal-gate.ts";
import { isOfServiceAccount, validateKey } from "../keys/validate-key.ts";
import { type GrantProps, grantIdOf } from "../oauth/grant.ts";
import { getOAuthServers } from "../oauth/oauth.ts";
import { listResources } from "../oauth/resources.ts";
import { owesFactor } from "../second-factor/requirement.ts";
import { readSignIn } from "../sign-in/auth.ts";

/**
 * Who asks for a file: the person of the bearer token, which is one for the MCP URL of the connection or for the one
 * with all servers, or who signed in on this browser, with their second factor. `null` for everybody else. A key that works from some networks
 * or with some certificates alone does not count: no policy decides here.
 */
export async function personOfFile(env: Env, request: Request, connection: string): Promise<string | null> {
  const [, token] = /^Bearer ([\x21-\x7e]{1,4096})$/i.exec(request.headers.get("authorization") ?? "") ?? [];
  if (token === undefined) {
    const signIn = await readSignIn(env, request.headers);
    return signIn === null || owesFactor(signIn) ? null : signIn.person.id;
  }
  const { authorizationServer } = await getOAuthServers(env);
  for (const resource of await listResources(env)) {
    if (resource.server !== null && resource.server !== connection) continue;
    const validated = isOfServiceAccount(token)
      ? await validateKey(env, resource, token).catch(() => null)
      : await authorizationServer.validateToken<GrantProps>(resource.url, token, env);
    if (validated === null) continue;
    const { userId, key } = validated.props as GrantProps;
    if (key !== undefined && (key.networks.length > 0 || (key.certificates ?? []).length > 0)) return null;
    const access = {
      grantId: key?.id ?? grantIdOf(token),
      tokenId: digestText(token),
      ...(key && { endsAt: key.endsAt, credential: key.credential }),
    };
    const { ended } = await principalGate(env, userId).checkAccess(userId, access, null);
    return ended ? null : userId;
  }
  return null;
}
