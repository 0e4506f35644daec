import { ISSUER_ALGORITHM, ISSUER_KEYS } from "../../../shared/auth/issuer-address.ts";
import { openKeyring } from "../../../shared/auth/keyring.ts";
import { type ConnectionEntry, isExchanged } from "../../../shared/connections/entry.ts";
import { clientMethodOf } from "../../../shared/connections/kinds/token-exchange.ts";
import type { ConnectionTrust } from "../../../shared/objects/connection-gate.ts";

/** What an authorization server has to trust, so that it gives tokens for assertions of Gatehouse; nothing for others. */
export async function describeTrust(env: Env, entry: ConnectionEntry): Promise<{ trust?: ConnectionTrust }> {
  if (!isExchanged(entry)) return {};
  const { auth } = entry;
  const { listIssuerKeys } = await import("../../../shared/auth/issuer-key.ts");
  const { keys } = await listIssuerKeys(openKeyring(env, "ISSUER_SIGNING_KEY"));
  return {
    trust: {
      issuer: env.PUBLIC_URL,
      keys: `${env.PUBLIC_URL}${ISSUER_KEYS}`,
      key_ids: keys.map(({ kid }) => String(kid)),
      algorithm: ISSUER_ALGORITHM,
      audience: auth.issuer ?? auth.token_endpoint,
      claims: ["sub", ...auth.claims],
      token_endpoint: auth.token_endpoint,
      subject_token_type: auth.subject_token_type,
      client: auth.client_id === undefined ? null : `${auth.client_id} (${clientMethodOf(auth)})`,
    },
  };
}
