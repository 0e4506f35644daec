import { z } from "zod";
import { digestText } from "../encoding/canonical-json.ts";
import { compilePolicy, type Policy } from "./compile.ts";
import { type ContentStores, readContent } from "./read-content.ts";
import { policyDocument } from "./schema.ts";

/** A version with the expected digest of its document. */
export interface PublishedVersion {
  version: number;
  digest: string;
}

/** The stored document does not match its digest, or this release cannot read it. A retry does not help. */
export class UnusablePolicy extends Error {
  constructor(version: number, message: string, cause?: unknown) {
    super(`Policy version ${version} ${message}`, { cause });
    this.name = "UnusablePolicy";
  }
}

/**
 * Reads the document of a published version, unverified: {@link compileVersion} checks the digest. Throws
 * {@link UnusablePolicy} if the version does not exist, and the database's own error if it is unavailable.
 */
export async function readDocument(
  stores: ContentStores,
  { version, digest }: PublishedVersion,
): Promise<string> {
  const query = stores.PLATFORM_DB.prepare("SELECT document FROM policy_version WHERE number = ?");
  const text = await readContent(stores, {
    key: `policy:${version}:${digest}`,
    digest,
    query: query.bind(version),
  });
  if (text === null) throw new UnusablePolicy(version, "is not in the database.");
  return text;
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

/** A set of catalogue revisions: the digest of each server's revision, by server name. */
const revisionSet = z.record(z.string().regex(/^[a-z][a-z0-9_]{0,31}$/), z.string().regex(/^[0-9a-f]{64}$/));

/** Reads the set of catalogue revisions of a publication; see {@link readDocument}. */
export async function readCatalogues(
  stores: ContentStores,
  version: number,
  digest: string,
): Promise<string> {
  const query = stores.PLATFORM_DB.prepare("SELECT document FROM catalogue_set WHERE digest = ?").bind(
    digest,
  );
  const text = await readContent(stores, { key: `catalogues:${digest}`, digest, query });
  if (text === null)
    throw new UnusablePolicy(version, "names catalogue revisions that are not in the database.");
  return text;
}

/**
 * Checks a stored set against its digest. Throws {@link UnusablePolicy}: without the set the whole
 * publication is unusable.
 */
export function parseRevisions(
  version: number,
  digest: string,
  document: string,
): ReadonlyMap<string, string> {
  if (digestText(document) !== digest) {
    throw new UnusablePolicy(version, "was published with other catalogue revisions than are stored.");
  }
  const parsed = revisionSet.safeParse(JSON.parse(document));
  if (!parsed.success)
    throw new UnusablePolicy(version, "was published with unreadable catalogue revisions.");
  return new Map(Object.entries(parsed.data));
}
