import { type ConnectionEntry, isExchanged, isPersonal } from "./entry.ts";
import { hasClientSecret } from "./kinds/token-exchange.ts";

/** Where the secret of a connection is: under a name in the vault, or behind a binding of Cloudflare Secrets Store. */
export type SecretSource = { vault: string } | { secrets_store: string };

/** Where a connection reads its secret. */
export function secretSourceOf(
  name: string,
  { secret = name }: Pick<ConnectionEntry, "secret">,
): SecretSource {
  return typeof secret === "string" ? { vault: secret } : secret;
}

/** Equal for the same secret: names of the vault and of bindings share no characters. */
export function nameSource(source: SecretSource): string {
  return "vault" in source ? source.vault : source.secrets_store;
}

/** A source for people. */
export function describeSource(source: SecretSource): string {
  return "vault" in source ? `the vault (${source.vault})` : `Secrets Store (${source.secrets_store})`;
}

/**
 * Whether a connection has a secret. A Hyperdrive binding has its own password, and some systems need none. With accounts of
 * persons an MCP server has none, and of an HTTP API it is the client's. With token exchange most sign with a key in its
 * place.
 */
export function hasSecret(entry: ConnectionEntry): boolean {
  if (isExchanged(entry)) return hasClientSecret(entry.auth);
  const hasNone =
    "auth" in entry && (entry.auth.type === "none" || (isPersonal(entry) && entry.kind === "mcp"));
  return !("hyperdrive" in entry.reach) && !hasNone;
}
