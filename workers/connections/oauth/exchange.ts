import * as oauth from "oauth4webapi";
import { openIssuerKey, signAsIssuer } from "../../../shared/auth/issuer-key.ts";
import { openKeyring } from "../../../shared/auth/keyring.ts";
import { ToolError } from "../../../shared/call/tool-error.ts";
import { clientMethodOf, type ExchangedAuth } from "../../../shared/connections/kinds/token-exchange.ts";
import { secretSourceOf } from "../../../shared/connections/secret-source.ts";
import type { ExchangeTarget } from "../../../shared/objects/account-gate.ts";
import { RefusedRequest, withoutPassword } from "../connector.ts";
import { openSecret } from "../secret.ts";
import { requestOptions } from "./authorization-server.ts";
import { asHeader } from "./grant.ts";
import { type Exchanged, ExchangeFault, readExchanged } from "./read-exchanged.ts";

/** RFC 8693 §2.1. */
const GRANT_TYPE = "urn:ietf:params:oauth:grant-type:token-exchange";

/** Seconds for which an assertion counts: it is used at once. */
const ASSERTION_SECONDS = 120;

/** Milliseconds for one exchange. A session is opened within five seconds, and has to say why it was not. */
const PATIENCE_MS = 4_000;

/** The audience of an assertion: only this authorization server takes it. */
export function audienceOf({ issuer, token_endpoint }: ExchangedAuth): string {
  return issuer ?? token_endpoint;
}

/**
 * Exchanges an assertion about the caller for a token of the other system (RFC 8693). The assertion goes to the entry's
 * token endpoint alone. Throws {@link RefusedRequest} in our own words.
 */
export async function exchangeToken(env: Env, target: ExchangeTarget): Promise<Exchanged> {
  const { connection, entry, caller } = target;
  const { auth, title } = entry;
  const server = { issuer: audienceOf(auth), token_endpoint: auth.token_endpoint };
  // The library wants a name in any case; without a client id it is not sent.
  const client = { client_id: auth.client_id ?? "-" };
  const authentication = await authenticationOf(env, target);
  const assertion = await signAsIssuer(
    openKeyring(env, "ISSUER_SIGNING_KEY"),
    { ...(await claimsOf(env, target)), iss: env.PUBLIC_URL, sub: caller.sub, aud: server.issuer },
    ASSERTION_SECONDS,
  );
  const resource = auth.resource ?? (entry.kind === "mcp" ? entry.reach.url : undefined);
  const parameters = {
    subject_token: assertion,
    subject_token_type: auth.subject_token_type,
    requested_token_type: "urn:ietf:params:oauth:token-type:access_token",
    ...(auth.audience !== undefined && { audience: auth.audience }),
    ...(resource !== undefined && { resource }),
    ...(auth.scopes !== undefined && { scope: auth.scopes.join(" ") }),
  };
  const options = requestOptions(env, connection, "mcp", PATIENCE_MS);
  const startedAt = Date.now();
  try {
    const response = await oauth.genericTokenEndpointRequest(
      server,
      client,
      authentication,
      GRANT_TYPE,
      parameters,
      options,
    );
    return await readExchanged(response, { assertion, audience: auth.audience, startedAt });
  } catch (failure) {
    throw explain(failure, title);
  }
}

/**
 * What the entry has an assertion say of a person in addition. Read now: the token of a call may be of a time when
 * another person had the address. Of an API key neither address nor name is said, which are its owner's.
 */
async function claimsOf(
  env: Env,
  { person, entry, caller }: ExchangeTarget,
): Promise<Record<string, string>> {
  const { claims } = entry.auth;
  const role = claims.includes("role") ? { role: caller.role } : {};
  const own = claims.filter((claim) => claim !== "role");
  if (caller.isKey || own.length === 0) return role;
  const row = await env.PLATFORM_DB.prepare(
    `SELECT "email", "name" FROM "user" WHERE "id" = ? AND "disabled" = 0`,
  )
    .bind(person)
    .first<{ email: string; name: string }>();
  if (row === null)
    throw new RefusedRequest({ code: "forbidden", message: "The person has no access any more." });
  return { ...role, ...Object.fromEntries(own.map((claim) => [claim, row[claim]])) };
}

async function authenticationOf(env: Env, { connection, entry }: ExchangeTarget): Promise<oauth.ClientAuth> {
  const { auth, title } = entry;
  const method = clientMethodOf(auth);
  if (method === null) return () => {};
  if (method === "none") return oauth.None();
  if (method === "private_key_jwt") {
    const { key, kid } = await openIssuerKey(openKeyring(env, "ISSUER_SIGNING_KEY"));
    return oauth.PrivateKeyJwt({ key, kid });
  }
  const secret = await openSecret(env, secretSourceOf(connection, entry), title);
  if (secret === null) throw new RefusedRequest(withoutPassword(title));
  return method === "client_secret_basic" ? asHeader(secret) : oauth.ClientSecretPost(secret);
}

/** Our words for what went wrong; the other side's text stays there. */
function explain(failure: unknown, title: string): RefusedRequest {
  if (failure instanceof RefusedRequest) return failure;
  const place = `The token endpoint of ${title}`;
  const refuse = (message: string, more: Partial<RefusedRequest["failure"]> = {}) =>
    new RefusedRequest({ code: "unavailable", message: `${place} ${message}`, ...more });
  if (failure instanceof ExchangeFault) {
    const { message, attempt, isForOwner } = failure;
    const action = "Ask its owner: npm run connections -- doctor <name>";
    return refuse(message, { ...(attempt && { attempt }), ...(isForOwner && { action }) });
  }
  if (isTimeout(failure)) return refuse(`did not answer within ${PATIENCE_MS / 1_000} seconds.`);
  if (failure instanceof ToolError && failure.code === "forbidden")
    return refuse("has an address that is not asked.", { attempt: "address" });
  if (failure instanceof ToolError && failure.cause === undefined) return refuse("answers with too much.");
  return refuse("cannot be reached.");
}

function isTimeout(failure: unknown): boolean {
  return failure instanceof Error && failure.name === "TimeoutError";
}
