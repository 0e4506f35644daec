import type { AuthorizationServer } from "oauth4webapi";
import type { PersonalAuth } from "../../../shared/connections/kinds/http-auth.ts";
import { readAtMost } from "../http/read-at-most.ts";
import { OAuthFault } from "./fault.ts";

/** Words with which token endpoints say that a refresh token is of no more use, where RFC 6749 §5.2 has `invalid_grant`. */
const ENDED =
  /^(?:bad_refresh_token|invalid_refresh_token|refresh_token_(?:expired|revoked)|expired_access\/refresh_token|token_(?:expired|revoked))$/i;

/** Most bytes of a token answer that is read again. */
const MOST_BYTES = 200_000;

/**
 * The authorization server that an entry names. Endpoints of the entry count before those of the metadata. Its
 * metadata need not announce PKCE: several vendors take it without saying so, and it is sent in any case.
 *
 * @param readMetadata - asks the issuer; `null` if it has no metadata
 */
export async function declaredServer(
  auth: PersonalAuth,
  readMetadata: (issuer: URL) => Promise<AuthorizationServer | null>,
): Promise<AuthorizationServer> {
  const { issuer, authorization_endpoint, token_endpoint, revocation_endpoint, credentials_in } = auth;
  const isWhole = authorization_endpoint !== undefined && token_endpoint !== undefined;
  const found = issuer === undefined || isWhole ? null : await readMetadata(new URL(issuer));
  if (!isWhole && found === null)
    throw new OAuthFault(
      "Its authorization server has no metadata: the connection has to name the endpoints.",
    );
  const revocation = revocation_endpoint ?? found?.revocation_endpoint;
  return {
    // Without a name of its own the server is known by its origin, and an `iss` that differs is refused.
    issuer: found?.issuer ?? issuer ?? new URL(String(authorization_endpoint)).origin,
    authorization_endpoint: authorization_endpoint ?? found?.authorization_endpoint ?? "",
    token_endpoint: token_endpoint ?? found?.token_endpoint ?? "",
    ...(revocation !== undefined && { revocation_endpoint: revocation }),
    ...(found?.authorization_response_iss_parameter_supported !== undefined && {
      authorization_response_iss_parameter_supported: found.authorization_response_iss_parameter_supported,
    }),
    token_endpoint_auth_methods_supported: [
      credentials_in === "header" ? "client_secret_basic" : "client_secret_post",
    ],
  };
}

/**
 * A token answer as RFC 6749 has it: some vendors say with status 200 that they refuse, name the type of the token
 * by its owner, or give an ID token that nothing here reads.
 */
export async function readLikeStandard(response: Response): Promise<Response> {
  // Too many requests are no end of the account, whatever word comes with them.
  if (response.status >= 500 || response.status === 429) return response;
  const { bytes } = await readAtMost(response.body, MOST_BYTES);
  const text = new TextDecoder().decode(bytes);
  const said = parse(text);
  if (said === null) return new Response(text, response);
  const { id_token: _unread, ...kept } = said;
  if (typeof kept.access_token === "string" && kept.access_token !== "")
    return Response.json({ ...kept, token_type: "bearer" });
  const word =
    [kept.error, kept.status, kept.category].find((one) => typeof one === "string") ?? "invalid_request";
  const error = ENDED.test(String(word)) ? "invalid_grant" : String(word);
  return Response.json({ error }, { status: 400 });
}

function parse(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}
