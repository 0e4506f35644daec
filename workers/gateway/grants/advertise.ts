import { ISSUER_KEYS } from "../../../shared/auth/issuer-address.ts";
import { CLIENT_CREDENTIALS, JWT_BEARER } from "../service-tokens/which-grant.ts";

/** Authentication method that only a client's metadata document and a service account can have. */
const BY_SIGNATURE = "private_key_jwt";

/**
 * The authorization server's metadata (RFC 8414), with the grants of service accounts, and with the methods that
 * registration accepts. The library also names `private_key_jwt`; clients that register would ask for it and be refused.
 * Its algorithms stay: clients that have a key know the method. The key set is that of assertions for other systems, which
 * find it here by their `iss`; access tokens are opaque.
 *
 * @param trustsWorkloads - whether the policy in force has issuers of workloads
 */
export async function advertise(response: Response, trustsWorkloads: boolean): Promise<Response> {
  if (!response.ok || response.body === null) return response;
  const {
    token_endpoint_auth_methods_supported: methods,
    grant_types_supported: grants,
    ...metadata
  } = await response.json<Record<string, unknown>>();
  const registered = (methods as string[]).filter((method) => method !== BY_SIGNATURE);
  const all = [...(grants as string[]), CLIENT_CREDENTIALS, ...(trustsWorkloads ? [JWT_BEARER] : [])];
  const body = JSON.stringify({
    ...metadata,
    jwks_uri: `${String(metadata.issuer)}${ISSUER_KEYS}`,
    grant_types_supported: [...new Set(all)],
    token_endpoint_auth_methods_supported: registered,
  });
  return new Response(body, { status: response.status, headers: response.headers });
}
