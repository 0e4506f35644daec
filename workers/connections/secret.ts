import { nameSource, type SecretSource } from "../../shared/connections/secret-source.ts";
import { log } from "../../shared/observe/log.ts";
import { RefusedRequest } from "./connector.ts";
import { readSecret } from "./vault.ts";

/**
 * The secret of a connection; `null` if the vault has none. Rejects with {@link RefusedRequest} if a binding of Secrets
 * Store is missing, or gives none.
 *
 * @param title - of the connection
 */
export async function openSecret(env: Env, source: SecretSource, title: string): Promise<string | null> {
  if ("vault" in source) return (await readSecret(env, source.vault))?.text ?? null;
  const name = nameSource(source);
  const binding = (env as unknown as Record<string, Partial<SecretsStoreSecret> | undefined>)[name];
  if (typeof binding !== "object" || typeof binding.get !== "function")
    throw refuse(
      `The secret of ${title} is not bound to this deployment: the binding ${name} is missing.`,
      "Ask its owner to add it to wrangler.toml under [[secrets_store_secrets]], and to deploy.",
    );
  const text: unknown = await binding.get().catch((failure: unknown) => {
    log("error", "connection_secret_not_read", { binding: name, error: String(failure) });
    return null;
  });
  if (typeof text === "string" && text !== "") return text;
  throw refuse(
    `Secrets Store gives no secret of ${title} behind the binding ${name}.`,
    "Ask its owner whether the secret is in the store: npx wrangler secrets-store secret list <store>",
  );
}

function refuse(message: string, action: string): RefusedRequest {
  return new RefusedRequest({ code: "unavailable", message, action, sent: false });
}
