import { parsePart } from "../../shared/connections/definitions.ts";
import {
  type ConnectionEntry,
  type ConnectionsDocument,
  isPersonal,
  isReviewed,
} from "../../shared/connections/entry.ts";
import type { PublishedConnection } from "../../shared/connections/revision.ts";
import { CommandFailure } from "../local/failure.ts";
import { openPlatformDatabase } from "../platform/database.ts";
import type { WorkerPlace } from "./ask-worker.ts";
import { findObstacles, markPrivileged, summarize, testConnection } from "./commands.ts";
import { compareOperations, readParts } from "./compare-operations.ts";
import { type DefinedConnections, defineConnections, storeParts } from "./define-connections.ts";
import { locateSentences } from "./files.ts";
import {
  compareConnections,
  connectionsIn,
  listRevisions,
  publishConnections,
  readInForce,
  shortRevision,
} from "./published.ts";
import { prepareDefinitions } from "./review.ts";

/** What a publication of the file would change, a line each. */
export async function describeDifference(
  { connections }: ConnectionsDocument,
  file: string,
  place: WorkerPlace,
): Promise<string> {
  const database = openPlatformDatabase(place.env, place.state);
  const inForce = connectionsIn(await readInForce(database));
  const { wanted, defined } = await withDefinitions(connections, file, place);
  const { added, changed, removed } = compareConnections(inForce, wanted);
  const lines = added.flatMap((name) => [
    `+ ${name}${markOf(connections[name])}`,
    ...(defined.reports[name] ?? []).map((line) => `  ${line}`),
  ]);
  for (const name of changed) {
    const old = inForce.get(name);
    lines.push(
      `~ ${name}${markOf(connections[name])}`,
      ...compareFields(old?.entry, connections[name]).map((line) => `    ${line}`),
    );
    const [had, has] = [old?.definitions ?? [], wanted[name]?.definitions ?? []];
    const parts = (defined.parts[name] ?? []).filter(({ digest }) => !had.includes(digest));
    if (connections[name]?.kind === "openapi") {
      // Parts that are in both have the same operations.
      const before = await readParts(
        database,
        had.filter((digest) => !has.includes(digest)),
      );
      const after = parts.flatMap(({ document }) => parsePart(document));
      lines.push(...compareOperations(before, after).map((line) => `    ${line}`));
    } else if (had.join() !== has.join()) lines.push("    its approved definitions");
  }
  lines.push(...removed.map((name) => `- ${name}`));
  return lines.length === 0 ? "The file says what is in force." : lines.join("\n");
}

function markOf(entry: ConnectionEntry | undefined): string {
  return entry === undefined ? "" : markPrivileged(entry);
}

/** Fields that differ, by path. Values of the file and of what is in force; a connection's entry holds no secret. */
function compareFields(before: unknown, after: unknown, path = ""): string[] {
  if (JSON.stringify(before) === JSON.stringify(after)) return [];
  if (isMap(before) && isMap(after)) {
    const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
    return names.flatMap((name) =>
      compareFields(before[name], after[name], path === "" ? name : `${path}.${name}`),
    );
  }
  return [`${path}: ${short(before)} → ${short(after)}`];
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function short(value: unknown): string {
  const text = value === undefined ? "(none)" : JSON.stringify(value);
  return text.length <= 80 ? text : `${text.slice(0, 80)}…`;
}

/** Tests what changed, and puts the file in force. Publishes all of it or nothing. */
export async function publish(
  { connections }: ConnectionsDocument,
  { file, note }: { file: string; note: string },
  place: WorkerPlace,
): Promise<void> {
  const database = openPlatformDatabase(place.env, place.state);
  const inForce = connectionsIn(await readInForce(database));
  const { wanted, defined } = await withDefinitions(connections, file, place);
  const { added, changed, removed } = compareConnections(inForce, wanted);
  if (added.length + changed.length + removed.length === 0) {
    console.log("The file says what is in force already.");
    return;
  }
  const obstacles: string[] = [];
  for (const name of [...added, ...changed]) {
    const entry = connections[name] as ConnectionEntry;
    const answer = await testConnection(name, entry, place);
    const found = [
      ...findObstacles(entry, answer),
      ...(defined.mistakes[name] ?? []),
      ...findUnreviewed(name, wanted[name] as Prepared),
    ];
    const located = await locateSentences(found, name, file, place);
    obstacles.push(...located.map((text) => `${name}: ${text}`));
    const mark = markPrivileged(entry);
    if (found.length === 0) console.log(`${answer.ok ? "✓" : "!"} ${name}: ${summarize(answer)}${mark}`);
    for (const line of defined.reports[name] ?? []) console.log(line);
  }
  if (obstacles.length > 0) {
    throw new CommandFailure(
      `Nothing was published.\n  ${obstacles.join("\n  ")}`,
      "Correct the entry, set the password (npm run connections -- secret <name>), or read: npm run connections -- doctor <name>",
    );
  }
  for (const name of [...added, ...changed]) await storeParts(defined.parts[name] ?? [], place);
  const number = await publishConnections(database, wanted, { place, note });
  const names = [
    ...added.map((name) => `+${name}`),
    ...changed.map((name) => `~${name}`),
    ...removed.map((name) => `-${name}`),
  ];
  console.log(`✓ Publication ${number} is in force within 30 seconds: ${names.join(", ")}.`);
  if (number > 1) console.log(`  To go back: npm run policy -- publish --publication ${number - 1}`);
  for (const [name, { approved, waiting }] of Object.entries(wanted)) {
    if (waiting > 0)
      console.log(
        `! ${name}: ${approved} definitions are in force, ${waiting} wait: npm run connections -- review ${name}`,
      );
  }
  for (const name of added) console.log(`\n${suggestPolicy(name)}`);
}

/** The entries of the file as they would be published: with what was approved, or made of a document. */
async function withDefinitions(
  connections: ConnectionsDocument["connections"],
  file: string,
  place: WorkerPlace,
): Promise<{ wanted: Record<string, Prepared>; defined: DefinedConnections }> {
  const defined = await defineConnections(connections, file);
  const wanted: Record<string, Prepared> = {};
  for (const [name, entry] of Object.entries(connections)) {
    const definitions = defined.parts[name]?.map(({ digest }) => digest) ?? [];
    wanted[name] = isReviewed(entry)
      ? { entry, ...(await prepareDefinitions(name, entry, place)) }
      : { entry, definitions, approved: 0, waiting: 0 };
  }
  return { wanted, defined };
}

/** A connection to publish, with the number of its definitions that are approved, and of those that wait. */
type Prepared = PublishedConnection & { approved: number; waiting: number };

/** What a reviewed connection lacks before it can be published, a sentence each. */
function findUnreviewed(name: string, { entry, approved, waiting }: Prepared): string[] {
  // Its definitions are read with an account of a person, who connects it once the connection is published.
  if (!isReviewed(entry) || approved > 0 || isPersonal(entry)) return [];
  return [
    waiting > 0
      ? `${waiting} definitions wait for approval: npm run connections -- review ${name}`
      : `Nothing of it was reviewed: npm run connections -- review ${name}`,
  ];
}

/** Takes one connection out of force. */
export async function remove(name: string, note: string, place: WorkerPlace): Promise<void> {
  const database = openPlatformDatabase(place.env, place.state);
  const inForce = connectionsIn(await readInForce(database));
  if (!inForce.delete(name)) {
    throw new CommandFailure(
      `No connection "${name}" is in force.`,
      "List them: npm run connections -- status",
    );
  }
  const number = await publishConnections(database, Object.fromEntries(inForce), {
    place,
    note: note || `Remove ${name}`,
  });
  console.log(`✓ Publication ${number}: ${name} is out of force within 30 seconds.`);
  console.log(`  Its password stays in the vault: npm run connections -- secret ${name} --remove`);
}

/** Publications of one connection, newest first. */
export async function showVersions(name: string, place: WorkerPlace): Promise<string> {
  const database = openPlatformDatabase(place.env, place.state);
  const rows = await database.query(listRevisions(name));
  if (rows.length === 0) return `No publication has a connection "${name}".`;
  const inForce = connectionsIn(await readInForce(database)).get(name);
  const current = inForce && shortRevision(name, inForce);
  return rows
    .map(({ publication, at, by, note, digest }) => {
      const revision = String(digest).slice(0, 12);
      const time = new Date(Number(at)).toISOString().slice(0, 16).replace("T", " ");
      return `${revision === current ? "*" : " "} publication ${String(publication).padEnd(4)} ${time}  ${revision}  ${by}  ${note}`.trimEnd();
    })
    .join("\n");
}

/** The lines of the policy that give a new connection to a role. */
export function suggestPolicy(name: string): string {
  return [
    `Only admin may use ${name}. To give it to a role, add to shared/policy/policy.yaml:`,
    `      scopes: [… , "${name}:read"]`,
    `      allowed_tools: [… , "${name}_*"]`,
    "Then: npm run policy -- publish",
  ].join("\n");
}
