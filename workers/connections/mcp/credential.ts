import type { McpEntry } from "../../../shared/connections/kinds/mcp.ts";
import { secretSourceOf } from "../../../shared/connections/secret-source.ts";
import type { ConnectionTarget } from "../../../shared/objects/connection-gate.ts";
import { personToken } from "../accounts/person-token.ts";
import { RefusedRequest, withoutPassword } from "../connector.ts";
import { requireHeaderText } from "../http/header-text.ts";
import { openSecret } from "../secret.ts";

/** Milliseconds after which the vault is asked again: a removed secret ends sessions that use it. */
const FRESH_MS = 30_000;

/** The headers that identify Gatehouse, or the person, at the other system. */
export interface Credential {
  /** Rejects with {@link RefusedRequest} if there is none. `renew`: the other system refused the last one. */
  headers(renew: boolean): Promise<Record<string, string>>;
  /** What of it the other system has seen last. */
  secrets(): readonly string[];
}

/** The credential of a connection. `given` replaces the vault's secret, for a test. */
export function openCredential(env: Env, target: ConnectionTarget, given: string | null): Credential {
  const { auth } = target.entry as McpEntry;
  switch (auth.type) {
    case "none":
      return { headers: async () => ({}), secrets: () => [] };
    case "bearer":
      return sharedSecret(env, target, given, (secret) => ({ authorization: `Bearer ${secret}` }));
    case "header":
      return sharedSecret(env, target, given, (secret) => ({ [auth.name]: secret }));
    case "per_person":
    case "token_exchange":
      return ownToken(env, target);
  }
}

/** The person's token of this moment. */
function ownToken(env: Env, target: ConnectionTarget): Credential {
  let last: string | null = null;
  return {
    secrets: () => (last === null ? [] : [last]),
    async headers(renew) {
      last = await personToken(env, target, renew ? last : null);
      return { authorization: `Bearer ${last}` };
    },
  };
}

function sharedSecret(
  env: Env,
  { name, entry }: ConnectionTarget,
  given: string | null,
  write: (secret: string) => Record<string, string>,
): Credential {
  let known = given;
  let readAt = given === null ? 0 : Date.now();
  let sent: string | null = null;
  return {
    secrets: () => (sent === null ? [] : [sent]),
    async headers(renew) {
      if (renew || known === null || Date.now() - readAt > FRESH_MS) {
        known = await openSecret(env, secretSourceOf(name, entry), entry.title);
        readAt = Date.now();
      }
      if (known === null) throw new RefusedRequest(withoutPassword(entry.title));
      sent = requireHeaderText(known, entry.title);
      return write(sent);
    },
  };
}
