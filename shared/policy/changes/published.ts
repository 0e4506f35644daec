import { digestText } from "../../encoding/canonical-json.ts";
import type { PlatformDatabase } from "../../encoding/platform-database.ts";
import bundled from "../policy.json" with { type: "json" };
import { type PolicyDocument, policyDocument } from "../schema.ts";
import { READ_STATE, readPublication, readVersion } from "./publications.ts";
import { PolicyRefusal } from "./refusal.ts";

/** The policy in force in an environment. */
export interface PublishedState {
  /** 0 before the first publication. */
  publication: number;
  /** The highest number of a version. */
  newest: number;
  /** The version in force. */
  version: number;
  digest: string | null;
}

/** Reads the policy in force. */
export async function readState(database: PlatformDatabase): Promise<PublishedState> {
  const [row] = await database.query(READ_STATE);
  return {
    publication: Number(row?.publication ?? 0),
    newest: Number(row?.newest ?? 1),
    version: Number(row?.version ?? 1),
    digest: row?.digest == null ? null : String(row.digest),
  };
}

/** A version with its document as published, and as this release parses it. */
export interface PublishedDocument {
  digest: string | null;
  document: PolicyDocument;
}

/**
 * Reads a version; 1 is the `policy.json` of this release. Throws {@link PolicyRefusal} when it does not exist, when it
 * differs from the published one, or when this release cannot parse it.
 */
export async function readPublished(database: PlatformDatabase, version: number): Promise<PublishedDocument> {
  if (version === 1) return { digest: null, document: policyDocument.parse(bundled) };
  const [row] = await database.query(readVersion(version));
  if (row === undefined) throw new PolicyRefusal("unknown", `There is no version ${version}.`);
  const text = String(row.document);
  if (digestText(text) !== row.digest) {
    throw new PolicyRefusal(
      "damaged",
      `Version ${version} in the database is not what was published: its digest differs.`,
    );
  }
  const read = policyDocument.safeParse(JSON.parse(text));
  if (read.success) return { digest: String(row.digest), document: read.data };
  const [issue] = read.error.issues;
  throw new PolicyRefusal(
    "unreadable",
    `Version ${version} cannot be read by this release: ${issue?.path.join(".")} ${issue?.message}`,
  );
}

/** The version that a publication put in force. Throws {@link PolicyRefusal} when there is no such publication. */
export async function findVersionOf(database: PlatformDatabase, publication: number): Promise<number> {
  const [row] = await database.query(readPublication(publication));
  if (row === undefined) throw new PolicyRefusal("unknown", `There is no publication ${publication}.`);
  return Number(row.version);
}
