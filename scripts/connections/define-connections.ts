import path from "node:path";
import { type DefinitionPart, packDefinitions } from "../../shared/connections/definitions.ts";
import type { ConnectionEntry, ConnectionsDocument } from "../../shared/connections/entry.ts";
import type { OpenapiEntry } from "../../shared/connections/kinds/openapi.ts";
import type { PublishedConnection } from "../../shared/connections/revision.ts";
import { findNearMisses } from "../../shared/text/near-misses.ts";
import { CommandFailure } from "../local/failure.ts";
import { ROOT } from "../local/root.ts";
import { askWorker, type WorkerPlace } from "./ask-worker.ts";
import { compileMetadata } from "./odata/compile-metadata.ts";
import { isXml, readMetadata } from "./odata/read-metadata.ts";
import { type Compiled, compileDocument } from "./openapi/compile-document.ts";
import { parseDocument, readDocumentText } from "./openapi/read-document.ts";
import { compileProfile } from "./profiles/compile-profile.ts";
import { loadProfile } from "./profiles/load-profile.ts";

/** Operations that cannot be used which are named one by one. */
const MOST_NAMED = 8;

/** Connections as they would be published, with what their definitions are made of. By name. */
export interface DefinedConnections {
  published: Record<string, PublishedConnection>;
  parts: Record<string, readonly DefinitionPart[]>;
  /** Lines for people: how many tools, and which operations cannot be used. */
  reports: Record<string, readonly string[]>;
  /** What keeps a connection from being published. */
  mistakes: Record<string, readonly string[]>;
}

/** Makes the definitions of the connections that have some: documents are read here, and never by a request. */
export async function defineConnections(
  connections: ConnectionsDocument["connections"],
  file: string,
): Promise<DefinedConnections> {
  const defined: DefinedConnections = { published: {}, parts: {}, reports: {}, mistakes: {} };
  for (const [name, entry] of Object.entries(connections)) {
    const compiled = entry.kind === "openapi" ? await compileEntry(name, entry, file) : null;
    const parts = compiled === null ? [] : packOrExplain(name, compiled);
    defined.parts[name] = parts;
    defined.published[name] = { entry, definitions: parts.map(({ digest }) => digest) };
    if (compiled === null) continue;
    defined.reports[name] = report(compiled);
    defined.mistakes[name] = entry.kind === "openapi" ? findMistakes(entry, compiled) : [];
  }
  return defined;
}

/** The operations of one entry, from its document or its profile. */
async function compileEntry(name: string, entry: OpenapiEntry, file: string): Promise<Compiled> {
  if (entry.profile !== undefined) return compileProfile(await loadProfile(entry.profile), entry);
  if (entry.document === undefined) {
    throw new CommandFailure(
      `${entry.title} has neither \`document\` nor \`profile\`.`,
      "Name one of them in its entry.",
    );
  }
  const text = await readDocumentText(entry.document, path.resolve(ROOT, path.dirname(file)));
  if (isXml(text)) return compileMetadata(name, readMetadata(entry.document, text), entry);
  return compileDocument(name, parseDocument(entry.document, text), entry);
}

/** Stores definitions through the running Worker: a statement of a command takes 100 KB, and a part has more. */
export async function storeParts(parts: readonly DefinitionPart[], place: WorkerPlace): Promise<void> {
  for (const { document, digest } of parts) {
    const { digests } = await askWorker<{ digests: string[] }>(place, { command: "definitions", document });
    if (digests.join() !== digest)
      throw new Error("The Worker stored other definitions than the command made.");
  }
}

/** A line for each operation of a connection: its tool, or why there is none. */
export async function showOperations(
  { connections }: ConnectionsDocument,
  name: string,
  file: string,
): Promise<string> {
  const entry: ConnectionEntry | undefined = connections[name];
  if (entry?.kind !== "openapi")
    throw new CommandFailure(`The file has no HTTP API "${name}".`, "See: npm run connections -- --help");
  const { operations, refused, leftOut } = await compileEntry(name, entry, file);
  const lines = operations.map(
    ({ tool, effect, method, path: template }) =>
      `✓ ${`${name}_${tool}`.padEnd(48)} ${effect.padEnd(7)} ${method} ${template}`,
  );
  return [
    ...lines,
    ...refused.map((one) => `✗ ${one.name} ${one.reason}.`),
    `${leftOut} are not selected.`,
  ].join("\n");
}

function packOrExplain(name: string, { operations }: Compiled): DefinitionPart[] {
  try {
    return packDefinitions(operations);
  } catch (failure) {
    throw new CommandFailure(
      `${name}: ${failure instanceof Error ? failure.message : ""}`,
      "Select fewer operations: see `select` in docs/connections.md.",
    );
  }
}

function report({ operations, refused, leftOut }: Compiled): string[] {
  const named = refused.slice(0, MOST_NAMED).map((one) => `    The operation ${one.name} ${one.reason}.`);
  const more = refused.length > named.length ? [`    … and ${refused.length - named.length} more`] : [];
  const left = leftOut > 0 ? `, ${leftOut} not selected` : "";
  return [
    `  ${operations.length} tools, ${refused.length} operations cannot be used${left}`,
    ...named,
    ...more,
  ];
}

/** An entry that says something of an operation which does not exist would fail silently. */
function findMistakes({ operations: said }: OpenapiEntry, { operations, refused }: Compiled): string[] {
  const known = [...operations, ...refused].map(({ name }) => name);
  const none = operations.length === 0 ? ["No operation is selected that can be used."] : [];
  const unknown = Object.entries(said).flatMap(([name, { off }]) => {
    if (known.includes(name) || off === true) return [];
    const [nearest] = findNearMisses(name, known);
    return [
      `operations.${name}: there is no such operation.${nearest === undefined ? "" : ` Did you mean "${nearest}"?`}`,
    ];
  });
  return [...none, ...unknown];
}
