import type { ConnectionFailure, ConnectionTarget } from "../../shared/objects/connection-gate.ts";

const TLS_ADVICE =
  "Use --tls off (`tls: off`) only on this machine or a private network: it sends password and data unencrypted.";

const CERTIFICATE_ADVICE =
  "Name the host as its certificate does. On this machine a private authority is trusted with NODE_EXTRA_CA_CERTS=<file> npm start.";

const CERTIFICATE = "its certificate is of another host, has expired, or is not signed by a known authority.";

/**
 * Kinds that speak TLS from the first byte, with their usual ports: the runtime does not tell a refused certificate from a
 * refused connection.
 */
const TLS_AT_ONCE: Readonly<Record<string, number>> = {
  redis: 6379,
  mongodb: 27_017,
  kafka: 9_093,
  oracle: 2_484,
};

const NO_CONNECTION = /proxy request failed|cannot connect|ECONNREFUSED|ENOTFOUND/i;

/** What a failure to reach a system says, with the place where it lies. In the sequence in which they are tried. */
const SIGNS: readonly {
  sign: RegExp;
  say(place: string): string;
  action: string;
}[] = [
  {
    sign: /not support (?:SSL|secure connection)|establishing an SSL connection/i,
    say: (place) => `The server at ${place} does not speak TLS.`,
    action: TLS_ADVICE,
  },
  {
    sign: /internal error|certificate|TLS|handshake/i,
    say: (place) => `TLS with ${place} failed: ${CERTIFICATE}`,
    action: CERTIFICATE_ADVICE,
  },
  {
    sign: NO_CONNECTION,
    say: (place) => `Nothing answers at ${place}.`,
    action: "Check host and port, and that the server accepts connections from this machine.",
  },
  {
    sign: /No answer within|ETIMEDOUT|timeout/i,
    say: (place) => `${place} takes connections and does not answer them as this kind of server does.`,
    action: "Check port and kind.",
  },
];

/**
 * Why a system cannot be reached, for the person who states its address and nothing else: it names host and port.
 * `null` if the failure says nothing of it.
 *
 * @param takesConnections - whether a server takes connections at an address, see `takes-connections.ts`
 */
export async function describeReach(
  cause: unknown,
  { entry: { kind, reach } }: ConnectionTarget,
  takesConnections: (host: string, port: number) => Promise<boolean>,
): Promise<ConnectionFailure | null> {
  if (!("host" in reach)) return null;
  const place = reach.port === undefined ? reach.host : `${reach.host}:${reach.port}`;
  const message = cause instanceof Error ? cause.message : String(cause);
  const usualPort = reach.tls === "required" ? TLS_AT_ONCE[kind] : undefined;
  if (usualPort !== undefined && NO_CONNECTION.test(message)) {
    if (await takesConnections(reach.host, reach.port ?? usualPort)) {
      return {
        code: "unavailable",
        message: `TLS with ${place} failed: the server does not speak it, or ${CERTIFICATE}`,
        action: CERTIFICATE_ADVICE,
      };
    }
  }
  // A request over HTTP has no other words for a refused connection.
  const isRefused = (kind === "clickhouse" || kind === "opensearch") && /connection lost/i.test(message);
  const found = SIGNS.find(({ sign }) => sign.test(message) || (isRefused && sign === NO_CONNECTION));
  if (found) return { code: "unavailable", message: found.say(place), action: found.action };
  return {
    code: "unavailable",
    message: `What answers at ${place} does not speak as this kind of server does.`,
    action: "Check port and kind.",
  };
}
