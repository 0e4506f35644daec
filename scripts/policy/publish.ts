import os from "node:os";
import type { PlatformDatabase } from "../../shared/encoding/platform-database.ts";
import type { Known } from "../../shared/policy/changes/known.ts";
import { LIST_PUBLICATIONS } from "../../shared/policy/changes/publications.ts";
import {
  type Authorship,
  findWarnings,
  isNote,
  NOTE_LENGTH,
  type Published,
  publishAgain,
  publishDocument,
  publishVersion,
} from "../../shared/policy/changes/publish.ts";
import { findVersionOf, readPublished } from "../../shared/policy/changes/published.ts";
import { PolicyRefusal } from "../../shared/policy/changes/refusal.ts";
import type { PolicyDocument } from "../../shared/policy/schema.ts";
import { CommandFailure } from "../local/failure.ts";
import { notifyWorker } from "../platform/notify-worker.ts";
import { environmentOf, openPlatform, type Place } from "../platform/place.ts";
import type { Loaded } from "./files.ts";

/** Flags of `publish`. */
export interface PublishFlags extends Place {
  note: string;
  by?: string | undefined;
  url?: string | undefined;
}

/** Publishes a checked file as a new version, and puts it in force. Returns a summary. */
export async function publishFile(loaded: Loaded, flags: PublishFlags): Promise<string> {
  const document = loaded.read.value;
  if (document === null) throw new TypeError("A policy with mistakes cannot be published.");
  const database = openPlatform(flags);
  return publish(database, document, loaded.known, flags, (authorship) =>
    publishDocument(database, document, authorship),
  );
}

/** Puts an older version in force again. Returns a summary. */
export async function publishVersionAgain(
  number: number,
  known: Known,
  flags: PublishFlags,
): Promise<string> {
  const database = openPlatform(flags);
  const { document } = await readPublished(database, number);
  return publish(database, document, known, flags, (authorship) =>
    publishVersion(database, number, authorship),
  );
}

/**
 * Puts an earlier publication in force again: both its policy and its catalogue revisions. Returns a summary.
 */
export async function publishPublicationAgain(
  id: number,
  known: Known,
  flags: PublishFlags,
): Promise<string> {
  const database = openPlatform(flags);
  const { document } = await readPublished(database, await findVersionOf(database, id));
  return publish(database, document, known, flags, (authorship) => publishAgain(database, id, authorship));
}

/** Lists the publications, newest first. */
export async function listVersions(place: Place): Promise<string> {
  const rows = await openPlatform(place).query(LIST_PUBLICATIONS);
  const lines = rows.map(({ id, version, digest, catalogues, at, by, note }, index) => {
    const time = new Date(Number(at)).toISOString().slice(0, 16).replace("T", " ");
    const mark = index === 0 ? "*" : " ";
    const what = String(digest ?? "bundled").slice(0, 12);
    const also = catalogues === null ? "" : `  catalogues ${String(catalogues).slice(0, 12)}`;
    const number = `version ${String(version).padEnd(4)} publication ${String(id).padEnd(4)}`;
    return `${mark} ${number} ${time}  ${what.padEnd(12)}${also}  ${by}  ${note}`.trimEnd();
  });
  const first = `${rows.length === 0 ? "*" : " "} version 1    with the deployment, as long as nothing is published`;
  return [...lines, first].join("\n");
}

async function publish(
  database: PlatformDatabase,
  document: PolicyDocument,
  known: Known,
  flags: PublishFlags,
  put: (authorship: Authorship) => Promise<Published>,
): Promise<string> {
  const authorship = {
    by: readText("by", flags.by ?? os.userInfo().username),
    note: readText("note", flags.note),
  };
  const warnings = await findWarnings(database, document, known);
  const published = await put(authorship).catch((failure: unknown) => {
    if (failure instanceof PolicyRefusal && failure.kind === "unchanged") return failure.message;
    throw failure;
  });
  if (typeof published === "string") return published;
  const { publication, version, replaced } = published;
  const told = await notifyWorker(
    { environment: environmentOf(flags), stateFolder: flags.state, url: flags.url },
    { path: "/policy/changes", body: { publication } },
  );
  return [
    ...warnings.map((warning) => `! ${warning}`),
    `✓ Version ${version} is in force in ${flags.env} within 30 seconds. It replaces version ${replaced}.`,
    ...(told === "told" ? ["  Apps that wait for changed lists have been told."] : []),
    `  To go back: npm run policy -- publish --version ${replaced} --env ${flags.env}`,
  ].join("\n");
}

function readText(flag: string, text: string): string {
  if (isNote(text)) return text;
  throw new CommandFailure(
    `--${flag} must be one line of at most ${NOTE_LENGTH} characters.`,
    "See: npm run policy -- --help",
  );
}
