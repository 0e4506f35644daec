import * as oauth from "oauth4webapi";
import { secretSourceOf } from "../../../shared/connections/secret-source.ts";
import type { AccountTarget } from "../../../shared/objects/account-gate.ts";
import { openSecret } from "../secret.ts";
import { CLIENT_DOCUMENT, callbackOf, describeClient } from "./addresses.ts";
import { authorizationServerOf, requestOptions } from "./authorization-server.ts";
import { OAuthFault } from "./fault.ts";

/** An authorization that a browser has begun. */
export interface PendingGrant {
  server: oauth.AuthorizationServer;
  client: KnownClient;
  state: string;
  verifier: string;
  scope: string;
  /** The address that the person agreed to: `reach.url` of the entry at that moment. */
  resource: string;
}

/** Tokens of a person. Sealed wherever they are stored. */
export interface Grant {
  server: oauth.AuthorizationServer;
  client: KnownClient;
  accessToken: string;
  refreshToken: string | null;
  /** Milliseconds since the epoch; `null` if the other side did not say. */
  expiresAt: number | null;
  /** When the refresh token ends without use, where the other side says it. Grants of earlier releases say nothing. */
  grantEndsAt?: number | null;
  scope: string;
  /** The only address that the tokens are sent to. */
  resource: string;
}

/** Gatehouse as the authorization server knows it. */
interface KnownClient {
  id: string;
  secret: string | null;
}

/** The other side ended the grant. */
export class GrantGone extends Error {}

/** Begins an authorization: PKCE, a state, the resource (RFC 8707). */
export async function beginGrant(
  env: Env,
  { connection, entry }: AccountTarget,
): Promise<{ pending: PendingGrant; url: string }> {
  const resource = entry.reach.url;
  const { server, scopes } = await authorizationServerOf(env, connection, entry);
  const client = await findClient(env, connection, entry, server);
  const [state, verifier] = [oauth.generateRandomState(), oauth.generateRandomCodeVerifier()];
  const wanted = entry.auth.type === "per_person" ? (entry.auth.scopes ?? scopes) : scopes;
  const scope = wanted
    .filter((one) => /^[\x21\x23-\x5b\x5d-\x7e]{1,200}$/.test(one))
    .slice(0, 50)
    .join(" ");
  const url = new URL(String(server.authorization_endpoint));
  const further = entry.kind === "openapi" && entry.auth.type === "per_person" ? entry.auth.parameters : {};
  const parameters = {
    ...further,
    response_type: "code",
    client_id: client.id,
    redirect_uri: callbackOf(env.PUBLIC_URL, connection),
    state,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    ...indicate(entry, resource),
    ...(scope !== "" && { scope }),
  };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return { pending: { server, client, state, verifier, scope, resource }, url: url.href };
}

/**
 * Exchanges the code. `validateAuthResponse` compares state and `iss` (RFC 9207). Throws {@link OAuthFault} with
 * words for the person.
 */
export async function finishGrant(
  env: Env,
  { connection, entry }: AccountTarget,
  { server, client, state, verifier, scope, resource }: PendingGrant,
  callback: URL,
): Promise<Grant> {
  const own = { client_id: client.id };
  let parameters: URLSearchParams;
  try {
    parameters = oauth.validateAuthResponse(server, own, callback, state);
  } catch (cause) {
    if (cause instanceof oauth.AuthorizationResponseError)
      throw new OAuthFault("The other system did not grant access.", { cause });
    throw new OAuthFault("The answer does not belong to what you began here. Begin again.", {
      attempt: "mix_up",
      cause,
    });
  }
  const response = await oauth.authorizationCodeGrantRequest(
    server,
    own,
    authenticationOf(client, server),
    parameters,
    callbackOf(env.PUBLIC_URL, connection),
    verifier,
    { ...requestOptions(env, connection, entry.kind), additionalParameters: indicate(entry, resource) },
  );
  try {
    const answer = await oauth.processAuthorizationCodeResponse(server, own, response);
    return toGrant(server, client, answer, { refreshToken: null, scope, resource });
  } catch (cause) {
    throw new OAuthFault("The other system did not give a token.", { cause });
  }
}

/** The resource that a token is for (RFC 8707). Authorization servers of HTTP APIs refuse a parameter they do not know. */
function indicate({ kind }: AccountTarget["entry"], resource: string): Record<string, string> {
  return kind === "mcp" ? { resource } : {};
}

/** Renews the tokens. Throws {@link GrantGone} if the other side says that the grant has ended. */
export async function refreshGrant(
  env: Env,
  { connection, entry }: AccountTarget,
  grant: Grant,
): Promise<Grant> {
  const { server, client, refreshToken, resource } = grant;
  if (refreshToken === null) throw new GrantGone("There is no refresh token.");
  const own = { client_id: client.id };
  const response = await oauth.refreshTokenGrantRequest(
    server,
    own,
    authenticationOf(client, server),
    refreshToken,
    {
      ...requestOptions(env, connection, entry.kind),
      additionalParameters: indicate(entry, resource),
    },
  );
  try {
    const answer = await oauth.processRefreshTokenResponse(server, own, response);
    return toGrant(server, client, answer, grant);
  } catch (failure) {
    const ended = ["invalid_grant", "invalid_client", "unauthorized_client"];
    if (failure instanceof oauth.ResponseBodyError && ended.includes(failure.error))
      throw new GrantGone(failure.error, { cause: failure });
    throw failure;
  }
}

/** Revokes the tokens at the other side (RFC 7009). Whether it said that it did. */
export async function revokeGrant(env: Env, connection: string, grant: Grant): Promise<boolean> {
  const { server, client, refreshToken, accessToken } = grant;
  if (server.revocation_endpoint === undefined) return false;
  const own = { client_id: client.id };
  try {
    for (const token of [refreshToken, accessToken]) {
      if (token === null) continue;
      const authentication = authenticationOf(client, server);
      const response = await oauth.revocationRequest(
        server,
        own,
        authentication,
        token,
        requestOptions(env, connection),
      );
      await oauth.processRevocationResponse(response);
    }
    return true;
  } catch {
    return false;
  }
}

function toGrant(
  server: oauth.AuthorizationServer,
  client: KnownClient,
  answer: oauth.TokenEndpointResponse,
  earlier: Pick<Grant, "refreshToken" | "scope" | "resource">,
): Grant {
  return {
    server: pick(server),
    client,
    accessToken: answer.access_token,
    refreshToken: answer.refresh_token ?? earlier.refreshToken,
    expiresAt: answer.expires_in === undefined ? null : Date.now() + answer.expires_in * 1_000,
    grantEndsAt: readGrantEnd(answer),
    scope: answer.scope ?? earlier.scope,
    resource: earlier.resource,
  };
}

/** When the refresh token ends, where a server says it: no standard has it, GitHub and Keycloak do. */
function readGrantEnd(answer: oauth.TokenEndpointResponse): number | null {
  const { refresh_token_expires_in: own, refresh_expires_in: other } = answer as Record<string, unknown>;
  const seconds = Number(own ?? other ?? 0);
  // Keycloak says 0 of one that does not end.
  return Number.isFinite(seconds) && seconds > 0 ? Date.now() + seconds * 1_000 : null;
}

/** What later requests need: they go where the person agreed to, whatever the metadata say by then. */
function pick(server: oauth.AuthorizationServer): oauth.AuthorizationServer {
  const {
    issuer,
    token_endpoint,
    revocation_endpoint,
    token_endpoint_auth_methods_supported: methods,
  } = server;
  return {
    issuer,
    ...(token_endpoint !== undefined && { token_endpoint }),
    ...(revocation_endpoint !== undefined && { revocation_endpoint }),
    ...(methods !== undefined && { token_endpoint_auth_methods_supported: methods }),
  };
}

function authenticationOf({ secret }: KnownClient, server: oauth.AuthorizationServer): oauth.ClientAuth {
  if (secret === null) return oauth.None();
  const methods = server.token_endpoint_auth_methods_supported ?? ["client_secret_basic"];
  return methods.includes("client_secret_basic") ? asHeader(secret) : oauth.ClientSecretPost(secret);
}

/**
 * A client secret as RFC 6749 §2.3.1 has it, without escapes that form encoding does not need: some servers do not decode
 * what they compare.
 */
export function asHeader(secret: string): oauth.ClientAuth {
  const encode = (text: string) => new URLSearchParams({ v: text }).toString().slice(2);
  return (_server, client, _body, headers) =>
    headers.set("authorization", `Basic ${btoa(`${encode(client.client_id)}:${encode(secret)}`)}`);
}

/** By hand, by a metadata document (CIMD), or by dynamic registration (RFC 7591), in this sequence. */
async function findClient(
  env: Env,
  connection: string,
  entry: AccountTarget["entry"],
  server: oauth.AuthorizationServer,
): Promise<KnownClient> {
  if (entry.auth.type === "per_person" && entry.auth.client_id !== undefined) {
    const secret = await openSecret(env, secretSourceOf(connection, entry), entry.title);
    return { id: entry.auth.client_id, secret };
  }
  if (server.client_id_metadata_document_supported === true && env.PUBLIC_URL.startsWith("https:"))
    return { id: `${env.PUBLIC_URL}${CLIENT_DOCUMENT}`, secret: null };
  if (server.registration_endpoint === undefined)
    throw new OAuthFault(
      "Its authorization server registers no apps by itself: the connection has to name a client_id.",
    );
  try {
    const metadata = describeClient(env.PUBLIC_URL, [connection]);
    const response = await oauth.dynamicClientRegistrationRequest(
      server,
      metadata,
      requestOptions(env, connection),
    );
    const registered = await oauth.processDynamicClientRegistrationResponse(response);
    const secret = registered.client_secret;
    return { id: registered.client_id, secret: typeof secret === "string" ? secret : null };
  } catch (cause) {
    throw new OAuthFault("Its authorization server did not register Gatehouse.", { cause });
  }
}
