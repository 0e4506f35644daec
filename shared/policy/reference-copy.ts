import { z } from "zod";
import { type PolicyReference, readReference } from "./reference.ts";

/** Key in KV of the copy of the publication in force. */
const KEY = "policy:in-force";

const digest = z.string().regex(/^[0-9a-f]{64}$/);
const reference = z.strictObject({
  publication: z.int().min(0),
  version: z.int().min(1),
  digest: digest.nullable(),
  catalogues: digest.nullable(),
});

/**
 * Copies the reference to the publication in force into KV, where an isolate finds it that starts while the platform
 * database is away. Runs on a schedule; writes only what has changed. Rejects with the stores' errors.
 */
export async function copyReference(stores: Pick<Env, "PLATFORM_DB" | "OAUTH_KV">): Promise<void> {
  const [newest, copy] = await Promise.all([readReference(stores.PLATFORM_DB), stores.OAUTH_KV.get(KEY)]);
  const { publication, version, digest, catalogues } = newest;
  const text = JSON.stringify({ publication, version, digest, catalogues });
  if (copy !== text) await stores.OAUTH_KV.put(KEY, text);
}

/** The copy of {@link copyReference}; `null` if there is none that this release can read. */
export async function readReferenceCopy(kv: KVNamespace): Promise<PolicyReference | null> {
  const text = await kv.get(KEY);
  if (text === null) return null;
  const read = reference.safeParse(JSON.parse(text));
  return read.success ? read.data : null;
}
