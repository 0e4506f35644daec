import os from "node:os";
import { type PublishedConnection, parseRevision, writeRevision } from "../../shared/connections/revision.ts";
import { digestText } from "../../shared/encoding/canonical-json.ts";
import { quoteText } from "../../shared/encoding/quote-text.ts";
import { type Publication, putInForce, storeCatalogues } from "../../shared/policy/changes/publications.ts";
import { readState } from "../../shared/policy/changes/published.ts";
import { CommandFailure } from "../local/failure.ts";
import type { PlatformDatabase } from "../platform/database.ts";
import { notifyWorker } from "../platform/notify-worker.ts";
import type { WorkerPlace } from "./ask-worker.ts";

/** D1 takes statements of at most 100 KB. */
const DOCUMENT_LIMIT = 90_000;

/** The revisions in force: documents by server name, connections and others. */
export async function readInForce(database: PlatformDatabase): Promise<Map<string, string>> {
  const rows = await database.query(
    `SELECT revision.server AS server, revision.document AS document FROM catalogue_set, json_each(catalogue_set.document) AS named
       JOIN catalogue_revision AS revision ON revision.digest = named.value
      WHERE catalogue_set.digest = (SELECT catalogues FROM policy_publication ORDER BY id DESC LIMIT 1);`,
  );
  return new Map(rows.map(({ server, document }) => [String(server), String(document)]));
}

/** The connections in force, by name. */
export function connectionsIn(inForce: ReadonlyMap<string, string>): Map<string, PublishedConnection> {
  return new Map(
    [...inForce].flatMap(([name, document]) => {
      const { connection } = JSON.parse(document) as { connection?: unknown };
      return connection === name ? [[name, parseRevision(name, document)] as const] : [];
    }),
  );
}

/** Which connections a publication of `wanted` adds, changes and removes. */
export function compareConnections(
  inForce: ReadonlyMap<string, PublishedConnection>,
  wanted: Readonly<Record<string, PublishedConnection>>,
): { added: string[]; changed: string[]; removed: string[] } {
  const names = Object.keys(wanted);
  const differs = (name: string) => {
    const [known, wish] = [inForce.get(name), wanted[name]];
    return known !== undefined && wish !== undefined && revisionOf(name, known) !== revisionOf(name, wish);
  };
  return {
    added: names.filter((name) => !inForce.has(name)),
    changed: names.filter(differs),
    removed: [...inForce.keys()].filter((name) => wanted[name] === undefined),
  };
}

/**
 * Publishes these connections, and no others, with the policy that is in force: one publication. Throws
 * {@link CommandFailure} if another one came first; nothing is then changed.
 */
export async function publishConnections(
  database: PlatformDatabase,
  wanted: Readonly<Record<string, PublishedConnection>>,
  { place, note }: { place: WorkerPlace; note: string },
): Promise<number> {
  const [state, inForce] = await Promise.all([readState(database), readInForce(database)]);
  const known = connectionsIn(inForce);
  const kept = [...inForce].filter(([name]) => !known.has(name));
  const documents = Object.entries(wanted).map(
    ([name, connection]) => [name, revisionOf(name, connection)] as const,
  );
  for (const [name, document] of documents) {
    if (Buffer.byteLength(document) > DOCUMENT_LIMIT) {
      throw new CommandFailure(
        `The entry of ${name} has ${Math.ceil(Buffer.byteLength(document) / 1_000)} KB; ${DOCUMENT_LIMIT / 1_000} can be published.`,
        "Shorten named queries, or make two connections of it.",
      );
    }
  }
  const stored = storeCatalogues(Object.fromEntries([...kept, ...documents]), Date.now());
  const publication: Publication = {
    after: state.publication,
    replaced: state.version,
    version: state.version,
    digest: state.digest,
    at: Date.now(),
    by: os.userInfo().username,
    note,
    catalogues: { digest: stored.digest },
  };
  try {
    await database.change(`${stored.sql}\n${putInForce(publication)}`);
  } catch (failure) {
    const now = await readState(database);
    if (now.publication === state.publication) throw failure;
    throw new CommandFailure(
      "Another person has just published; your command changed nothing.",
      "Look at the difference (npm run connections -- diff), then publish again.",
    );
  }
  const number = publication.after + 1;
  await notifyWorker(
    { environment: place.env, stateFolder: place.state, url: place.url },
    { path: "/policy/changes", body: { publication: number } },
  );
  return number;
}

/** SQL: revisions of one connection, newest first. */
export function listRevisions(name: string): string {
  return `SELECT p.id AS publication, p.at AS at, p.by AS by, p.note AS note, named.value AS digest
            FROM policy_publication AS p JOIN catalogue_set AS s ON s.digest = p.catalogues, json_each(s.document) AS named
           WHERE named.key = ${quoteText(name)} ORDER BY p.id DESC LIMIT 50;`;
}

/** First characters of a connection's revision, for people. */
export function shortRevision(name: string, connection: PublishedConnection): string {
  return digestText(revisionOf(name, connection)).slice(0, 12);
}

function revisionOf(name: string, { entry, definitions }: PublishedConnection): string {
  return writeRevision(name, entry, definitions);
}
