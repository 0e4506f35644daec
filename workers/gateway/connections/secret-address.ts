import { type ConnectionEntry, isExchanged } from "../../../shared/connections/entry.ts";
import { parseRevision } from "../../../shared/connections/revision.ts";
import { nameSource, type SecretSource, secretSourceOf } from "../../../shared/connections/secret-source.ts";
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
  const source = secretSourceOf(connection, entry);
  const secret = nameSource(source);
  const published = await publishedWith(env, source);
  const known = new Set(published.map((one) => placeOf(one.entry)));
  const place = placeOf(entry);
  if (known.size === 0 || known.has(place)) return null;
  // The same address, where the secret went unencrypted until now.
  if ("tls" in entry.reach && entry.reach.tls === "required" && known.has(`${place}${WITHOUT_TLS}`))
    return null;
  const what = isExchanged(entry) ? `What Gatehouse signs for "${connection}"` : `The secret "${secret}"`;
  return {
    code: "forbidden",
    message: `${what} belongs to ${[...known].join(" and ")}; the file names ${place}, which does not get it.`,
    action: "If the new address is right, say so: the same command with --new-address.",
    attempt: "other_address",
  };
}

/** The published connections that use a secret. */
export async function publishedWith(
  env: Env,
  secret: SecretSource,
): Promise<{ name: string; entry: ConnectionEntry }[]> {
  const { revisions } = await policyInForce(env);
  const published = await Promise.all(
    publishedServers.choose(revisions).map(async (name) => {
      const { entry } = parseRevision(name, await readRevision(env, String(revisions.get(name))));
      return { name, entry };
    }),
  );
  return published.filter(({ name, entry }) => takesSecret(entry) && isSame(name, entry, secret));
}

function isSame(name: string, entry: ConnectionEntry, secret: SecretSource): boolean {
  return nameSource(secretSourceOf(name, entry)) === nameSource(secret);
}

const WITHOUT_TLS = " without TLS";

/** Ports that an entry without one means: with TLS, and without. */
const USUAL_PORTS: Readonly<
  Record<Exclude<ConnectionEntry["kind"], "openapi" | "mcp">, readonly [secure: number, plain: number]>
> = {
  postgresql: [5432, 5432],
  mysql: [3306, 3306],
  clickhouse: [8443, 8123],
  opensearch: [9200, 9200],
  oracle: [2484, 1521],
  mongodb: [27_017, 27_017],
  kafka: [9093, 9092],
  redis: [6379, 6379],
};

function takesSecret(entry: ConnectionEntry): boolean {
  // An assertion is like a secret: who gets it can name the person elsewhere, within its audience and two minutes.
  if (!("auth" in entry)) return true;
  // Of an HTTP API with accounts of persons it is the client's, for the authorization server that the entry names.
  return entry.auth.type !== "none" && (entry.auth.type !== "per_person" || entry.kind === "openapi");
}

/** The place that a secret is sent to: an origin, those of the tokens' addresses with it, or a host with its port. */
function placeOf(entry: ConnectionEntry): string {
  if (entry.kind === "openapi" || entry.kind === "mcp") {
    const asked = tokenAddresses(entry.auth).map((address) => new URL(address).origin);
    const tokens = asked.length === 0 ? "" : ` by ${[...new Set(asked)].sort().join(", ")}`;
    return `${new URL(entry.reach.url).origin}${tokens}`;
  }
  const { kind, reach } = entry;
  if ("hyperdrive" in reach) return `the binding ${reach.hyperdrive}`;
  const [secure, plain] = USUAL_PORTS[kind];
  const isSecure = reach.tls === "required";
  const port = reach.port ?? (isSecure ? secure : plain);
  return `${reach.host.toLowerCase()}:${port}${isSecure ? "" : WITHOUT_TLS}`;
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
