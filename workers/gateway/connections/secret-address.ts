import { type ConnectionEntry, isExchanged } from "../../../shared/connections/entry.ts";
import { parseRevision } from "../../../shared/connections/revision.ts";
import type { ConnectionFailure } from "../../../shared/objects/connection-gate.ts";
import { policyInForce } from "../../../shared/policy/current.ts";
import { readRevision } from "../../../shared/server/read-revision.ts";
import { publishedServers } from "../../published-servers.ts";

/**
 * Why a secret of the vault is not sent to the address of an entry that is not published: a published connection uses
 * that secret, and none of those that do has this address. `null` if it may be. A changed file must not carry a secret
 * to where its operator never sent it.
 */
export async function findElsewhere(
  env: Env,
  connection: string,
  entry: ConnectionEntry,
): Promise<ConnectionFailure | null> {
  if (!takesSecret(entry)) return null;
  const secret = entry.secret ?? connection;
  const { revisions } = await policyInForce(env);
  const published = await Promise.all(
    publishedServers.choose(revisions).map(async (name) => {
      const { entry: other } = parseRevision(name, await readRevision(env, String(revisions.get(name))));
      return takesSecret(other) && (other.secret ?? name) === secret ? [placeOf(other)] : [];
    }),
  );
  const known = new Set(published.flat());
  if (known.size === 0 || known.has(placeOf(entry))) return null;
  const what = isExchanged(entry) ? `What Gatehouse signs for "${connection}"` : `The secret "${secret}"`;
  return {
    code: "forbidden",
    message: `${what} belongs to ${[...known].join(" and ")}; the file names ${placeOf(entry)}, which does not get it.`,
    action: "If the new address is right, say so: the same command with --new-address.",
    attempt: "other_address",
  };
}

function takesSecret(entry: ConnectionEntry): boolean {
  // An assertion is like a secret: who gets it can name the person elsewhere, within its audience and two minutes.
  if (!("auth" in entry)) return true;
  // Of an HTTP API with accounts of persons it is the client's, for the authorization server that the entry names.
  return entry.auth.type !== "none" && (entry.auth.type !== "per_person" || entry.kind === "openapi");
}

/** The place that a secret is sent to: an origin, those of the tokens' addresses with it, or a host with its port. */
function placeOf(entry: ConnectionEntry): string {
  const { reach } = entry;
  const asked = "auth" in entry ? tokenAddresses(entry.auth).map((address) => new URL(address).origin) : [];
  const tokens = asked.length === 0 ? "" : ` by ${[...new Set(asked)].sort().join(", ")}`;
  if ("url" in reach) return `${new URL(reach.url).origin}${tokens}`;
  return "host" in reach ? `${reach.host}:${reach.port}` : `the binding ${reach.hyperdrive}`;
}

/** Of an authorization server each address that gets the secret, or whose metadata name one that does. */
function tokenAddresses(auth: Extract<ConnectionEntry, { auth: unknown }>["auth"]): string[] {
  if ("token_url" in auth) return [auth.token_url];
  if (auth.type === "token_exchange")
    return [auth.issuer, auth.token_endpoint].filter((address) => address !== undefined);
  if (!("credentials_in" in auth)) return [];
  const { issuer, token_endpoint, revocation_endpoint } = auth;
  return [issuer, token_endpoint, revocation_endpoint].filter((address) => address !== undefined);
}
