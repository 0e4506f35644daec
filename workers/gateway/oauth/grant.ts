import { type OAuthAuthorizationServerOptions, OAuthError } from "@cloudflare/workers-oauth-provider";
import { principalGate } from "../../../shared/objects/principal-gate.ts";

import { policyInForce, roleMayHold } from "../../../shared/policy/current.ts";
import { findPerson, type Person } from "../people.ts";

/** What a token carries about its person. Encrypted at rest; refreshed from the database at every refresh. */
export interface GrantProps {
  userId: string;
  email: string;
  name: string;
  role: string;
  /** When the second factor was given with which the app was connected, in milliseconds since the epoch, or `null`. */
  mfaAt: number | null;
}

/** What the account page shows about a grant. Stored in plain text beside it: nothing secret belongs here. */
export interface GrantMetadata {
  clientName: string;
  /** The domain that publishes the client's metadata document, or `null` when the name is not verified. */
  clientDomain: string | null;
  redirectHost: string;
  /** Whether the client said for which MCP URL it wants access (RFC 8707). Grants of an earlier release do not say. */
  namedResource?: boolean;
}

/** The grant that a token of the OAuth library belongs to: `userId:grantId:secret`. */
export function grantIdOf(token: string): string {
  return token.split(":")[1] ?? "";
}

type TokenExchange = NonNullable<OAuthAuthorizationServerOptions<Env>["tokenExchangeCallback"]>;

/** The part of a person that travels in a token. */
export function toGrantProps(person: Person, mfaAt: number | null): GrantProps {
  return { userId: person.id, email: person.email, name: person.name, role: person.role, mfaAt };
}

/** Reads the metadata of a grant, whatever an earlier release may have stored there. */
export function readGrantMetadata(metadata: unknown): GrantMetadata {
  const record =
    typeof metadata === "object" && metadata !== null ? (metadata as Partial<GrantMetadata>) : {};
  return {
    clientName: typeof record.clientName === "string" ? record.clientName : "Unnamed app",
    clientDomain: typeof record.clientDomain === "string" ? record.clientDomain : null,
    redirectHost: typeof record.redirectHost === "string" ? record.redirectHost : "unknown",
  };
}

/**
 * Runs at every code exchange and refresh, so that a changed role, name or state takes effect within one access
 * token's life: reloads the person and cuts the scopes to what the role holds now. A person who is gone or
 * disabled, a role that holds none of the scopes any more, and one that asks for a second factor where none was given, end the grant (`invalid_grant`, RFC 6749 §5.2);
 * a database that does not answer leaves it alone (503).
 */
export const renewGrant: TokenExchange = async ({ env, userId, grantId, requestedScope, props }) => {
  // The store may still show a grant that was revoked a moment ago; the person's object does not.
  if (await principalGate(env, userId).isGrantRevoked(grantId)) {
    throw new OAuthError("invalid_grant", { description: "The app's access has been revoked." });
  }
  const person = await loadPerson(env.PLATFORM_DB, userId);
  if (person === null) {
    throw new OAuthError("invalid_grant", {
      description: "This account is not active. Ask an administrator.",
    });
  }
  const policy = await policyInForce(env);
  const accessTokenScope = requestedScope.filter((scope) => roleMayHold(policy, person.role, scope));
  if (accessTokenScope.length === 0) {
    throw new OAuthError("invalid_grant", {
      description: "The person's role no longer allows any of these permissions. Connect the app again.",
    });
  }
  const mfaAt = (props as Partial<GrantProps>).mfaAt ?? null;
  if (mfaAt === null && policy.roles.get(person.role)?.mfaRequired) {
    throw new OAuthError("invalid_grant", {
      description: "This account needs a second factor. Connect the app again and enter it.",
    });
  }
  return { newProps: toGrantProps(person, mfaAt), accessTokenScope };
};

async function loadPerson(database: D1Database, userId: string): Promise<Person | null> {
  try {
    return await findPerson(database, userId);
  } catch (failure) {
    throw new OAuthError("temporarily_unavailable", {
      description: "Gatehouse cannot reach its database. Try again in a moment.",
      statusCode: 503,
      headers: { "Retry-After": "5" },
      internal: { category: "token-exchange-callback", reason: "database_unavailable", detail: failure },
    });
  }
}
