import os from "node:os";
import { canonicalize, digestText } from "../../shared/encoding/canonical-json.ts";
import { compilePolicy } from "../../shared/policy/compile.ts";
import type { PolicyDocument } from "../../shared/policy/schema.ts";
import { CommandFailure } from "../local/failure.ts";
import type { PlatformDatabase } from "../platform/database.ts";
import { notifyWorker } from "../platform/notify-worker.ts";
import type { Known } from "./catalogue.ts";
import type { Loaded } from "./files.ts";
import { findUnreachable } from "./find-unreachable.ts";
import { COUNT_ROLES, LIST_PUBLICATIONS, type Publication, putInForce } from "./publications.ts";
import {
  environmentOf,
  openPlatform,
  type Place,
  type PublishedState,
  readPublished,
  readState,
} from "./published.ts";

/** D1 takes statements of at most 100 KB; the rest of the statement is far below the difference. */
const DOCUMENT_LIMIT = 90_000;
const TEXT_LIMIT = 300;

/** What `publish` says on the command line. */
export interface PublishFlags extends Place {
  note: string;
  by?: string | undefined;
  url?: string | undefined;
}

/** Publishes a file that was checked as a new version, and puts it in force. Says what it did. */
export async function publishFile(loaded: Loaded, flags: PublishFlags): Promise<string> {
  const document = loaded.read.value;
  if (document === null) throw new TypeError("A policy with mistakes cannot be published.");
  const text = canonicalize(document);
  if (Buffer.byteLength(text) > DOCUMENT_LIMIT) {
    throw new CommandFailure(
      `The policy has ${Math.ceil(Buffer.byteLength(text) / 1000)} KB; ${DOCUMENT_LIMIT / 1000} can be published.`,
      "Join names to globs, or rules to roles.",
    );
  }
  const digest = digestText(text);
  const database = openPlatform(flags);
  const state = await readState(database);
  if (state.digest === digest) return `Version ${state.version} says exactly this and is in force already.`;
  const version = state.newest + 1;
  return publish(database, { state, version, digest, document, known: loaded.known, flags, text });
}

/** Puts an older version in force again. Says what it did. */
export async function publishVersion(number: number, known: Known, flags: PublishFlags): Promise<string> {
  const database = openPlatform(flags);
  const state = await readState(database);
  if (state.version === number) return `Version ${number} is in force already.`;
  const { digest, document } = await readPublished(database, number);
  return publish(database, { state, version: number, digest, document, known, flags });
}

/** What was put in force, newest first. */
export async function listVersions(place: Place): Promise<string> {
  const rows = await openPlatform(place).query(LIST_PUBLICATIONS);
  const lines = rows.map(({ version, digest, at, by, note }, index) => {
    const time = new Date(Number(at)).toISOString().slice(0, 16).replace("T", " ");
    const mark = index === 0 ? "*" : " ";
    const what = String(digest ?? "bundled").slice(0, 12);
    return `${mark} version ${String(version).padEnd(4)} ${time}  ${what.padEnd(12)}  ${by}  ${note}`.trimEnd();
  });
  const first = `${rows.length === 0 ? "*" : " "} version 1    with the deployment, as long as nothing is published`;
  return [...lines, first].join("\n");
}

interface Intended {
  state: PublishedState;
  version: number;
  digest: string | null;
  document: PolicyDocument;
  known: Known;
  flags: PublishFlags;
  /** Canonical JSON of a new version. */
  text?: string;
}

async function publish(database: PlatformDatabase, intended: Intended): Promise<string> {
  const { state, version, digest, document, known, flags, text } = intended;
  const warnings = [
    ...(await findLockedOut(database, document)),
    ...findUnreachable(compilePolicy(document), known),
  ];
  const publication: Publication = {
    after: state.publication,
    replaced: state.version,
    version,
    digest,
    at: Date.now(),
    by: readText("by", flags.by ?? os.userInfo().username),
    note: readText("note", flags.note),
  };
  await database
    .change(putInForce(publication, text))
    .catch((failure: unknown) => explain(failure, database, state));
  const told = await notifyWorker(
    environmentOf(flags),
    { path: "/policy/changes", body: { publication: publication.after + 1 } },
    flags.url,
  );
  return [
    ...warnings.map((warning) => `! ${warning}`),
    `✓ Version ${version} is in force in ${flags.env} within 30 seconds. It replaces version ${state.version}.`,
    ...(told ? ["  Apps that wait for changed lists have been told."] : []),
    `  To go back: npm run policy -- publish --version ${state.version} --env ${flags.env}`,
  ].join("\n");
}

/** Two at the same time: the database took the other one. */
async function explain(failure: unknown, database: PlatformDatabase, seen: PublishedState): Promise<never> {
  const now = await readState(database).catch(() => seen);
  if (now.publication === seen.publication) throw failure;
  throw new CommandFailure(
    `Somebody else has just published version ${now.version}; nothing of yours was changed.`,
    "Look at the difference (npm run policy -- diff), then publish again.",
  );
}

/** People whose role the policy does not have may do nothing. */
async function findLockedOut(database: PlatformDatabase, document: PolicyDocument): Promise<string[]> {
  const rows = await database.query(COUNT_ROLES);
  return rows
    .filter(({ role }) => !Object.hasOwn(document.roles, String(role)))
    .map(
      ({ role, people }) =>
        `${people} ${people === 1 ? "person has" : "people have"} the role "${role}", which this policy does not know: they can do nothing.`,
    );
}

function readText(flag: string, text: string): string {
  if (text.length <= TEXT_LIMIT && !/\p{Cc}/u.test(text)) return text;
  throw new CommandFailure(
    `--${flag} must be one line of at most ${TEXT_LIMIT} characters.`,
    "See: npm run policy -- --help",
  );
}
