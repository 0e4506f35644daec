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
import {
  COUNT_ROLES,
  LIST_PUBLICATIONS,
  type Publication,
  putInForce,
  readPublication,
} from "./publications.ts";
import {
  environmentOf,
  openPlatform,
  type Place,
  type PublishedState,
  readPublished,
  readState,
} from "./published.ts";

/** D1 takes statements of at most 100 KB; the rest of the statement is far shorter than the difference. */
const DOCUMENT_LIMIT = 90_000;
const TEXT_LIMIT = 300;

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

/** Puts an older version in force again. Returns a summary. */
export async function publishVersion(number: number, known: Known, flags: PublishFlags): Promise<string> {
  const database = openPlatform(flags);
  const state = await readState(database);
  if (state.version === number) return `Version ${number} is in force already.`;
  const { digest, document } = await readPublished(database, number);
  return publish(database, { state, version: number, digest, document, known, flags });
}

/**
 * Puts an earlier publication in force again: both its policy and its catalogue revisions. Returns a summary.
 */
export async function publishAgain(id: number, known: Known, flags: PublishFlags): Promise<string> {
  const database = openPlatform(flags);
  const state = await readState(database);
  if (state.publication === id) return `Publication ${id} is in force already.`;
  const [row] = await database.query(readPublication(id));
  if (row === undefined) {
    throw new CommandFailure(
      `There is no publication ${id}.`,
      "List the versions: npm run policy -- versions",
    );
  }
  const version = Number(row.version);
  const { digest, document } = await readPublished(database, version);
  return publish(database, { state, version, digest, document, known, flags, catalogues: { of: id } });
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

interface Intended {
  state: PublishedState;
  version: number;
  digest: string | null;
  document: PolicyDocument;
  known: Known;
  flags: PublishFlags;
  /** Canonical JSON of a new version. */
  text?: string;
  catalogues?: Publication["catalogues"];
}

async function publish(database: PlatformDatabase, intended: Intended): Promise<string> {
  const { state, version, digest, document, known, flags, text, catalogues } = intended;
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
    ...(catalogues && { catalogues }),
  };
  await database
    .change(putInForce(publication, text))
    .catch((failure: unknown) => explain(failure, database, state));
  const told = await notifyWorker(
    { environment: environmentOf(flags), stateFolder: flags.state, url: flags.url },
    { path: "/policy/changes", body: { publication: publication.after + 1 } },
  );
  return [
    ...warnings.map((warning) => `! ${warning}`),
    `✓ Version ${version} is in force in ${flags.env} within 30 seconds. It replaces version ${state.version}.`,
    ...(told === "told" ? ["  Apps that wait for changed lists have been told."] : []),
    `  To go back: npm run policy -- publish --version ${state.version} --env ${flags.env}`,
  ].join("\n");
}

/** Explains the failure of concurrent publications: the database accepted the other one. */
async function explain(failure: unknown, database: PlatformDatabase, seen: PublishedState): Promise<never> {
  const now = await readState(database).catch(() => seen);
  if (now.publication === seen.publication) throw failure;
  throw new CommandFailure(
    `Another person has just published version ${now.version}; your command changed nothing.`,
    "Look at the difference (npm run policy -- diff), then publish again.",
  );
}

/** Users whose role is not in the policy, and who would lose all access. */
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
