import { nameSource, type SecretSource } from "../../shared/connections/secret-source.ts";
import type { ConnectionFailure } from "../../shared/objects/connection-gate.ts";
import { log } from "../../shared/observe/log.ts";
import { RefusedRequest } from "./connector.ts";
import { readSecret } from "./vault.ts";

/** Milliseconds that Secrets Store may take. */
const PATIENCE_MS = 5_000;

/** Classes of the runtime whose bindings have a `get` of another kind. One of a Worker looks as one of Secrets Store does. */
const OTHERS = ["KvNamespace", "R2Bucket", "DurableObjectNamespace"];

/** Secrets Store has no secret for a connection, as far as the deployment and the store say. */
export class NoSecret extends RefusedRequest {}

/**
 * The secret of a connection; `null` if the vault has none. Rejects with {@link NoSecret} if a binding of Secrets Store is
 * missing, is another one or is empty, and with another {@link RefusedRequest} if its read fails or is late.
 *
 * @param title - of the connection
 * @param mostMs - milliseconds that are left for it
 */
export async function openSecret(
  env: Env,
  source: SecretSource,
  title: string,
  mostMs = PATIENCE_MS,
): Promise<string | null> {
  if ("vault" in source) return (await readSecret(env, source.vault))?.text ?? null;
  const name = nameSource(source);
  const binding = (env as unknown as Record<string, Partial<SecretsStoreSecret> | undefined>)[name];
  if (typeof binding !== "object" || binding === null || typeof binding.get !== "function")
    throw refuse(
      `The secret of ${title} is not bound to this deployment: the binding ${name} is missing.`,
      ADD,
    );
  if (OTHERS.includes(Object.getPrototypeOf(binding)?.constructor?.name))
    throw refuse(`The binding ${name} of the secret of ${title} is none of Secrets Store.`, ADD);
  const text = await read(binding as SecretsStoreSecret, name, Math.max(1, Math.min(mostMs, PATIENCE_MS)));
  if (text === LATE)
    throw new RefusedRequest(refusalOf(`Secrets Store does not answer for the secret of ${title}.`, LATER));
  if (typeof text === "string" && text !== "") return text;
  const failure = refusalOf(`Secrets Store gives no secret of ${title} behind the binding ${name}.`, LOOK);
  throw text === FAILED ? new RefusedRequest(failure) : new NoSecret(failure);
}

const LATE = Symbol("late");
const FAILED = Symbol("failed");
const LATER = "Try again in some seconds.";
const LOOK =
  "Ask its owner whether the secret is in the store: npx wrangler secrets-store secret list <store>";
const ADD = "Ask its owner to add it to wrangler.toml under [[secrets_store_secrets]], and to deploy.";

/** What the binding gives; {@link FAILED} if it fails, {@link LATE} if it takes longer than `ms`. */
async function read(binding: SecretsStoreSecret, name: string, ms: number): Promise<unknown> {
  const late = Promise.withResolvers<typeof LATE>();
  const timer = setTimeout(() => late.resolve(LATE), ms);
  try {
    return await Promise.race([binding.get(), late.promise]);
  } catch (failure) {
    log("error", "connection_secret_not_read", { binding: name, error: String(failure) });
    return FAILED;
  } finally {
    clearTimeout(timer);
  }
}

function refuse(message: string, action: string): NoSecret {
  return new NoSecret(refusalOf(message, action));
}

function refusalOf(message: string, action: string): ConnectionFailure {
  return { code: "unavailable", message, action, sent: false };
}
