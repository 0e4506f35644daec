import { type OAuthAuthorizationServerOptions, OAuthError } from "@cloudflare/workers-oauth-provider";
import type { KeyLimits } from "../../../shared/call/principal.ts";
import { principalGate } from "../../../shared/objects/principal-gate.ts";
import { readFreshFactor } from "../../../shared/people/fresh-factor.ts";
import { policyInForce, roleMayHold } from "../../../shared/policy/current.ts";
import { findPerson, type Person } from "../people.ts";

/** User data in a token. Encrypted at rest; reloaded from the database at every refresh. */
export interface GrantProps {
  userId: string;
  email: string;
  name: string;
  role: string;
  /**
   * Time of the second factor with which the app was connected, in milliseconds since the epoch, or `null`.
   */
  mfaAt: number | null;
  /** Set for an API key in place of a grant: its id, and what narrows it. */
  key?: KeyLimits & { id: string };
}

/** Data of a grant for the account page. Stored in plain text: must not contain secrets. */
export interface GrantMetadata {
  clientName: string;
  /** Domain that publishes the client's metadata document, or `null` for an unverified name. */
  clientDomain: string | null;
  redirectHost: string;
  /**
   * Whether the client named the MCP URL that it wants access to (RFC 8707). Absent in grants of an earlier
   * release.
   */
  namedResource?: boolean;
  /** Title of the provider of single sign-on that connected the app, in place of the person. */
  connectedBy?: string;
}

/** The grant id in a token of the OAuth library: `userId:grantId:secret`. */
export function grantIdOf(token: string): string {
  return token.split(":")[1] ?? "";
}

type TokenExchange = NonNullable<OAuthAuthorizationServerOptions<Env>["tokenExchangeCallback"]>;

/** The part of a user that a token contains. */
export function toGrantProps(person: Person, mfaAt: number | null): GrantProps {
  return { userId: person.id, email: person.email, name: person.name, role: person.role, mfaAt };
}

/** Reads the metadata of a grant, in the format of any release. */
export function readGrantMetadata(metadata: unknown): GrantMetadata {
  const record =
    typeof metadata === "object" && metadata !== null ? (metadata as Partial<GrantMetadata>) : {};
  return {
    clientName: typeof record.clientName === "string" ? record.clientName : "Unnamed app",
    clientDomain: typeof record.clientDomain === "string" ? record.clientDomain : null,
    redirectHost: typeof record.redirectHost === "string" ? record.redirectHost : "unknown",
    ...(typeof record.connectedBy === "string" && { connectedBy: record.connectedBy }),
  };
}

/**
 * Runs at every code exchange and refresh, so that a changed role, name or state takes effect within an
 * access token's lifetime: reloads the user and reduces the scopes to those of the current role. The grant
 * ends (`invalid_grant`, RFC 6749 §5.2) if the user is gone or disabled, if the role has none of the scopes
 * any more, or if it requires a second factor that was not given; an unavailable database keeps it (503).
 */
export const renewGrant: TokenExchange = async ({ env, userId, grantId, requestedScope, props }) => {
  // The store may still return a grant that was just revoked; the Principal object does not.
  if (await principalGate(env, userId).isGrantRevoked(grantId)) {
    throw new OAuthError("invalid_grant", { description: "The app's access has been revoked." });
  }
  const person = await loadPerson(env.PLATFORM_DB, userId);
  const policy = await policyInForce(env);
  if (person === null) {
    throw new OAuthError("invalid_grant", {
      description: `This account is not active. Ask ${policy.signIn.contact}.`,
    });
  }
  const accessTokenScope = requestedScope.filter((scope) => roleMayHold(policy, person.role, scope));
  if (accessTokenScope.length === 0) {
    throw new OAuthError("invalid_grant", {
      description: "The person's role no longer allows any of these permissions. Connect the app again.",
    });
  }
  const connectedAt = (props as Partial<GrantProps>).mfaAt ?? null;
  const given = await findFreshFactor(env.PLATFORM_DB, userId, grantId);
  const mfaAt = given === null ? connectedAt : Math.max(given, connectedAt ?? 0);
  if (mfaAt === null && policy.roles.get(person.role)?.mfaRequired) {
    throw new OAuthError("invalid_grant", {
      description: "This account needs a second factor. Connect the app again and enter it.",
    });
  }
  return { newProps: toGrantProps(person, mfaAt), accessTokenScope };
};

async function loadPerson(database: D1Database, userId: string): Promise<Person | null> {
  return await orLater(findPerson(database, userId));
}

async function findFreshFactor(
  database: D1Database,
  userId: string,
  grantId: string,
): Promise<number | null> {
  return await orLater(readFreshFactor(database, userId, grantId));
}

/** An unavailable database keeps the grant. */
async function orLater<Found>(reading: Promise<Found>): Promise<Found> {
  try {
    return await reading;
  } catch (failure) {
    throw new OAuthError("temporarily_unavailable", {
      description: "Gatehouse cannot reach its database. Try again in a moment.",
      statusCode: 503,
      headers: { "Retry-After": "5" },
      internal: { category: "token-exchange-callback", reason: "database_unavailable", detail: failure },
    });
  }
}
