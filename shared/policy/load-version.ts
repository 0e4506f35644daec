import { digestText } from "../encoding/canonical-json.ts";
import { log } from "../observe/log.ts";
import { compilePolicy, type Policy } from "./compile.ts";
import { policyDocument } from "./schema.ts";

/** A version with the digest that its document must have. */
export interface PublishedVersion {
  version: number;
  digest: string;
}

/** The stored document is not what was published, or this release cannot read it. Trying again does not help. */
export class UnusablePolicy extends Error {
  constructor(version: number, message: string, cause?: unknown) {
    super(`Policy version ${version} ${message}`, { cause });
    this.name = "UnusablePolicy";
  }
}

/** Where documents of published versions are. */
export type PolicyStores = Pick<Env, "PLATFORM_DB" | "OAUTH_KV">;

/**
 * Reads the document of a published version: from KV, where the key names the content, or else from the platform
 * database, after which KV has it for all others. Neither is believed: {@link compileVersion} asks for the digest.
 * Throws {@link UnusablePolicy} when there is no such version, and whatever the database throws when it is away.
 */
export async function readDocument(stores: PolicyStores, wanted: PublishedVersion): Promise<string> {
  return (await readCopy(stores.OAUTH_KV, wanted)) ?? (await readOriginal(stores, wanted));
}

/** Checks a stored document against its digest and compiles it. Throws {@link UnusablePolicy}. */
export function compileVersion({ version, digest }: PublishedVersion, document: string): Policy {
  if (digestText(document) !== digest) throw new UnusablePolicy(version, "is not what was published.");
  try {
    return compilePolicy(policyDocument.parse(JSON.parse(document)), version, digest);
  } catch (cause) {
    throw new UnusablePolicy(version, `cannot be read by this release: ${String(cause)}`, cause);
  }
}

/** Key of a version's document in KV. What it names never changes. */
const keyOf = ({ version, digest }: PublishedVersion) => `policy:${version}:${digest}`;

/** `null` when KV has no copy, a wrong one, or does not answer: the database decides then. */
async function readCopy(kv: KVNamespace, wanted: PublishedVersion): Promise<string | null> {
  try {
    const copy = await kv.get(keyOf(wanted));
    if (copy === null || digestText(copy) === wanted.digest) return copy;
    log("error", "policy_copy_wrong", { version: wanted.version });
  } catch (failure) {
    log("warn", "policy_copy_unreadable", { version: wanted.version, error: String(failure) });
  }
  return null;
}

async function readOriginal(stores: PolicyStores, wanted: PublishedVersion): Promise<string> {
  const row = await stores.PLATFORM_DB.prepare("SELECT document FROM policy_version WHERE number = ?")
    .bind(wanted.version)
    .first<{ document: string }>();
  if (row === null) throw new UnusablePolicy(wanted.version, "is not in the database.");
  if (digestText(row.document) === wanted.digest) {
    await stores.OAUTH_KV.put(keyOf(wanted), row.document).catch((failure: unknown) =>
      log("warn", "policy_copy_not_kept", { version: wanted.version, error: String(failure) }),
    );
  }
  return row.document;
}
