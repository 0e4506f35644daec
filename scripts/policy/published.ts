import { digestText } from "../../shared/encoding/canonical-json.ts";
import bundled from "../../shared/policy/policy.json" with { type: "json" };
import type { PolicyDocument } from "../../shared/policy/schema.ts";
import { policyDocument } from "../../shared/policy/schema.ts";
import { CommandFailure } from "../local/failure.ts";
import { ENVIRONMENTS, type EnvironmentName } from "../local/project.ts";
import { openPlatformDatabase, type PlatformDatabase } from "../platform/database.ts";
import { READ_STATE, readVersion } from "./publications.ts";

/** Environment of a command. */
export interface Place {
  env: string;
  state?: string | undefined;
}

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

/** Opens the platform database of the environment that a command names. */
export function openPlatform(place: Place): PlatformDatabase {
  return openPlatformDatabase(environmentOf(place), place.state);
}

/** The environment that a command names. */
export function environmentOf({ env }: Pick<Place, "env">): EnvironmentName {
  const environment = ENVIRONMENTS.find((name) => name === env);
  if (environment !== undefined) return environment;
  throw new CommandFailure(
    `--env must be one of ${ENVIRONMENTS.join(", ")}.`,
    "See: npm run policy -- --help",
  );
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
 * Reads a version; 1 is the `policy.json` of this folder. Throws {@link CommandFailure} when it does not
 * exist, when it differs from the published one, or when this release cannot parse it.
 */
export async function readPublished(database: PlatformDatabase, version: number): Promise<PublishedDocument> {
  if (version === 1) return { digest: null, document: policyDocument.parse(bundled) };
  const [row] = await database.query(readVersion(version));
  if (row === undefined) {
    throw new CommandFailure(
      `There is no version ${version}.`,
      "List the versions: npm run policy -- versions",
    );
  }
  const text = String(row.document);
  if (digestText(text) !== row.digest) {
    throw new CommandFailure(
      `Version ${version} in the database is not what was published: its digest differs.`,
      "Publish another version; the Worker does not use this one either.",
    );
  }
  const read = policyDocument.safeParse(JSON.parse(text));
  if (read.success) return { digest: String(row.digest), document: read.data };
  const [issue] = read.error.issues;
  throw new CommandFailure(
    `Version ${version} cannot be read by this release: ${issue?.path.join(".")} ${issue?.message}`,
    "Publish the present file instead: npm run policy -- publish",
  );
}
