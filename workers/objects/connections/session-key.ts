import { isExchanged, isPersonal } from "../../../shared/connections/entry.ts";
import { secretSourceOf } from "../../../shared/connections/secret-source.ts";
import { canonicalize, digestText } from "../../../shared/encoding/canonical-json.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import type { ConnectionTarget } from "../../../shared/objects/connection-gate.ts";
import { readSecretVersion } from "../../connections/vault.ts";

/**
 * Equal for requests that one session can serve. Sessions of one revision are kept apart by what their person's client can
 * be asked. An entry that is not published has no revision: its content takes the place, so that a changed one is not asked
 * at its former address. Objects of persons are too many to be told of a changed secret: they look at its version, which
 * closes the sessions of another one.
 */
export async function sessionKeyOf(
  env: Env,
  { name, revision, entry, session }: ConnectionTarget,
): Promise<string> {
  const content = revision === "" ? digestText(canonicalize(entry as unknown as JsonValue)) : revision;
  if (session === undefined) return content;
  const source = secretSourceOf(name, entry);
  const isInVault = "vault" in source && !isPersonal(entry) && !isExchanged(entry);
  const version = isInVault ? await readSecretVersion(env, source.vault) : 0;
  return `${content}@${version} ${JSON.stringify(session)}`;
}
