import { openKeyring } from "../../../shared/auth/keyring.ts";
import { createServiceToken } from "../../../shared/auth/service-token.ts";
import { policyInForce } from "../../../shared/policy/current.ts";
import { type FoundKey, isFor, resourcesOf, scopesOf } from "../keys/validate-key.ts";
import { listResources, type Resource } from "../oauth/resources.ts";
import { GrantRefused } from "./refused.ts";

/** Most milliseconds that a token lives. A client asks for another with the same proof. */
const LIFETIME_MS = 15 * 60_000;

/**
 * Makes an access token of a service account for one MCP URL. It says less than the account or the same, ends with the
 * credential behind it, and is stored nowhere. Throws {@link GrantRefused} for an address or scopes that it has not.
 */
export async function issueToken(env: Env, account: FoundKey, form: URLSearchParams): Promise<Response> {
  const resource = await chooseResource(env, account, form.getAll("resource"));
  const possible = scopesOf(account, resource, await policyInForce(env));
  const asked = (form.get("scope") ?? "").split(" ").filter((scope) => scope !== "");
  const scopes = asked.length === 0 ? possible : possible.filter((scope) => asked.includes(scope));
  if (scopes.length === 0) {
    throw new GrantRefused(
      "invalid_scope",
      "The service account has none of these permissions here",
      "scope",
    );
  }
  const now = Date.now();
  const until = Math.min(now + LIFETIME_MS, account.secretEndsAt);
  const token = { credential: account.credential, scopes, until };
  const text = await createServiceToken(openKeyring(env, "SESSION_SEAL_KEY"), resource.url, token);
  return Response.json(
    {
      access_token: text,
      token_type: "Bearer",
      expires_in: Math.floor((until - now) / 1000),
      scope: scopes.join(" "),
      resource: resource.url,
    },
    { headers: { "Cache-Control": "no-store" } },
  );
}

/** The MCP URL that the client names (RFC 8707); without a name, the account's only one, or the one with everything. */
async function chooseResource(env: Env, account: FoundKey, named: readonly string[]): Promise<Resource> {
  const own = (await listResources(env)).filter((resource) => isFor(account, resource));
  const paths = resourcesOf(account)
    .map((path) => `${env.PUBLIC_URL}${path}`)
    .join(", ");
  const [url, ...others] = named;
  const found =
    url === undefined
      ? (own.find(({ server }) => server === null) ?? (own.length === 1 ? own[0] : undefined))
      : own.find((resource) => resource.url === url);
  if (found !== undefined && others.length === 0) return found;
  throw new GrantRefused("invalid_target", `Name one resource of this service account: ${paths}`, "resource");
}
