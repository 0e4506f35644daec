import { canonicalize, digestText } from "../../encoding/canonical-json.ts";
import type { PlatformDatabase } from "../../encoding/platform-database.ts";
import { compilePolicy } from "../compile.ts";
import type { PolicyDocument } from "../schema.ts";
import { findLostWorkloads } from "./check-workloads.ts";
import { findUnreachable } from "./find-unreachable.ts";
import type { Known } from "./known.ts";
import { COUNT_ROLES, type Publication, putInForce } from "./publications.ts";
import { findVersionOf, type PublishedState, readPublished, readState } from "./published.ts";
import { PolicyRefusal } from "./refusal.ts";

/** D1 takes statements of at most 100 KB; the rest of the statement is far shorter than the difference. */
const DOCUMENT_LIMIT = 90_000;

/** Most characters of an author or of a note. */
export const NOTE_LENGTH = 300;

/** Who publishes, why, and on what they have seen. */
export interface Authorship {
  by: string;
  note: string;
  /** The publication in force that the author has looked at; without it, the one in force now. */
  base?: number;
}

/** What was put in force. */
export interface Published {
  publication: number;
  version: number;
  /** The version that it replaces. */
  replaced: number;
}

/** Publishes a checked document as a new version, and puts it in force. Throws {@link PolicyRefusal}. */
export async function publishDocument(
  database: PlatformDatabase,
  document: PolicyDocument,
  authorship: Authorship,
): Promise<Published> {
  const text = canonicalize(document);
  const bytes = new TextEncoder().encode(text).byteLength;
  if (bytes > DOCUMENT_LIMIT) {
    throw new PolicyRefusal(
      "too_large",
      `The policy has ${Math.ceil(bytes / 1_000)} KB; ${DOCUMENT_LIMIT / 1_000} can be published.`,
    );
  }
  const digest = digestText(text);
  const state = await readBase(database, authorship);
  if (state.digest === digest) {
    throw new PolicyRefusal(
      "unchanged",
      `Version ${state.version} says exactly this and is in force already.`,
    );
  }
  return putInto(database, { state, version: state.newest + 1, digest, authorship, text });
}

/** Puts an older version in force again. Throws {@link PolicyRefusal}. */
export async function publishVersion(
  database: PlatformDatabase,
  number: number,
  authorship: Authorship,
): Promise<Published> {
  const state = await readBase(database, authorship);
  if (state.version === number) {
    throw new PolicyRefusal("unchanged", `Version ${number} is in force already.`);
  }
  const { digest } = await readPublished(database, number);
  return putInto(database, { state, version: number, digest, authorship });
}

/**
 * Puts an earlier publication in force again: both its policy and its catalogue revisions. Throws {@link PolicyRefusal}.
 */
export async function publishAgain(
  database: PlatformDatabase,
  id: number,
  authorship: Authorship,
): Promise<Published> {
  const state = await readBase(database, authorship);
  if (state.publication === id) {
    throw new PolicyRefusal("unchanged", `Publication ${id} is in force already.`);
  }
  const version = await findVersionOf(database, id);
  const { digest } = await readPublished(database, version);
  return putInto(database, { state, version, digest, authorship, catalogues: { of: id } });
}

/**
 * What a policy takes from people and programs by oversight: roles that it does not know any more, what no role may use, and
 * workloads whose service account is not there.
 */
export async function findWarnings(
  database: PlatformDatabase,
  document: PolicyDocument,
  known: Known,
): Promise<string[]> {
  return [
    ...(await findLockedOut(database, document)),
    ...(await findLostWorkloads(database, document, Date.now())),
    ...findUnreachable(compilePolicy(document), known),
  ];
}

/** Whether a text can be kept as author or note: one line of at most {@link NOTE_LENGTH} characters. */
export function isNote(text: string): boolean {
  return text.length <= NOTE_LENGTH && !/\p{Cc}/u.test(text);
}

interface Intended {
  state: PublishedState;
  version: number;
  digest: string | null;
  authorship: Authorship;
  /** Canonical JSON of a new version. */
  text?: string;
  catalogues?: Publication["catalogues"];
}

async function putInto(database: PlatformDatabase, intended: Intended): Promise<Published> {
  const { state, version, digest, authorship, text, catalogues } = intended;
  const { by, note } = authorship;
  if (!isNote(by) || !isNote(note)) throw new TypeError("An author and a note are one line each.");
  const publication: Publication = {
    after: state.publication,
    replaced: state.version,
    version,
    digest,
    at: Date.now(),
    by,
    note,
    ...(catalogues && { catalogues }),
  };
  try {
    await database.change(putInForce(publication, text));
  } catch (failure) {
    // The database accepts one of two publications on the same base.
    const now = await readState(database).catch(() => state);
    if (now.publication === state.publication) throw failure;
    throw toStale(now);
  }
  return { publication: state.publication + 1, version, replaced: state.version };
}

async function readBase(database: PlatformDatabase, { base }: Authorship): Promise<PublishedState> {
  const state = await readState(database);
  if (base !== undefined && state.publication !== base) throw toStale(state);
  return state;
}

function toStale({ version }: PublishedState): PolicyRefusal {
  return new PolicyRefusal(
    "stale",
    `Another person has just published version ${version}; nothing of yours was changed.`,
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
