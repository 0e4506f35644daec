import { stringify } from "yaml";
import { overConnection, type PlatformDatabase } from "../../../../shared/encoding/platform-database.ts";
import { checkAgainst } from "../../../../shared/policy/changes/check-against.ts";
import { type Difference, listDifferences } from "../../../../shared/policy/changes/diff.ts";
import { type Known, listKnown } from "../../../../shared/policy/changes/known.ts";
import { findWarnings } from "../../../../shared/policy/changes/publish.ts";
import {
  type PublishedState,
  readPublished,
  readState,
} from "../../../../shared/policy/changes/published.ts";
import { type Mistake, type ReadPolicy, readPolicy } from "../../../../shared/policy/changes/read-policy.ts";
import type { Policy } from "../../../../shared/policy/compile.ts";
import { policyInForce } from "../../../../shared/policy/current.ts";
import type { PolicyDocument } from "../../../../shared/policy/schema.ts";
import { publishedServers } from "../../../published-servers.ts";
import { serversInForce } from "../../../servers-in-force.ts";
import { findWrittenText } from "./drafts.ts";

/** What drafts are judged against, read at one moment. */
export interface Bench {
  database: PlatformDatabase;
  state: PublishedState;
  /** The document in force. */
  inForce: PolicyDocument;
  /** The policy in force, compiled. */
  policy: Policy;
  /** What this deployment offers: its servers, and the connections in force. */
  known: Known;
}

/** A draft with everything that can be said about it before it is published. */
export interface JudgedDraft {
  read: ReadPolicy;
  mistakes: readonly Mistake[];
  /** Sentences; a draft with them can be published. */
  warnings: readonly string[];
  /** Names that this deployment does not have, as sentences: the policy in force has them too. */
  absent: readonly string[];
  differences: readonly Difference[];
}

/** Reads what is in force. Throws `PolicyRefusal` when this release cannot read it. */
export async function openBench(env: Env): Promise<Bench> {
  const database = overConnection(env.PLATFORM_DB);
  const state = await readState(database);
  const [{ document }, policy] = await Promise.all([
    readPublished(database, state.version),
    policyInForce(env, state.publication),
  ]);
  const servers = await serversInForce(env);
  const closed = publishedServers
    .choose(policy.revisions)
    .filter((name) => !servers.some((server) => server.name === name));
  return { database, state, inForce: document, policy, known: { ...listKnown(servers), defined: closed } };
}

/**
 * Judges a text by the rules of the command. What the policy in force names already although this deployment does not have
 * it, such as tools of a connection that is not published, is a warning and no mistake.
 */
export async function judgeDraft(
  { database, inForce, known }: Bench,
  name: string,
  text: string,
): Promise<JudgedDraft> {
  const read = readPolicy(name, text);
  if (read.value === null)
    return { read, mistakes: read.mistakes, warnings: [], absent: [], differences: [] };
  const accepted = new Set(
    checkAgainst(inForce, known, (_path, message) => ({ file: "", line: 0, field: "", message })).map(
      ({ message }) => message,
    ),
  );
  const found = checkAgainst(read.value, known, read.locate);
  const [old, mistakes] = [
    found.filter(({ message }) => accepted.has(message)),
    found.filter(({ message }) => !accepted.has(message)),
  ];
  const byMessage = Map.groupBy(old, ({ message }) => message);
  return {
    read,
    mistakes,
    warnings: await findWarnings(database, read.value, known),
    absent: [...byMessage].map(
      ([message, all]) =>
        `${all.length === 1 ? "Line" : "Lines"} ${all.map(({ line }) => line).join(", ")}: ${message}`,
    ),
    differences: listDifferences(inForce, read.value, known),
  };
}

/** The text of a published version: as it was written in the console, or made of its document. */
export async function readVersionText(env: Env, version: number): Promise<string> {
  const written = await findWrittenText(env.PLATFORM_DB, version);
  if (written !== null) return written;
  const { document } = await readPublished(overConnection(env.PLATFORM_DB), version);
  return stringify(document, { lineWidth: 110, aliasDuplicateObjects: false });
}

/** What a draft gives a role: every change of it but rights that are taken away. */
export function listGains(differences: readonly Difference[], role: string): string[] {
  const changes = differences.find((one) => one.role === role)?.changes ?? [];
  return changes.filter((change) => !/^- (tool|resource|prompt|scope|console right) |^is gone$/.test(change));
}
