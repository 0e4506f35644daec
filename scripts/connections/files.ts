import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { parseDocument } from "yaml";
import { z } from "zod";
import {
  CONNECTION_KINDS,
  type ConnectionsDocument,
  connectionsDocument,
} from "../../shared/connections/entry.ts";
import { formatMistake, type Mistake, readYaml } from "../../shared/policy/changes/read-policy.ts";
import { findNearMisses } from "../../shared/text/near-misses.ts";
import { CommandFailure } from "../local/failure.ts";
import { ROOT } from "../local/root.ts";

/** Project-relative paths of the connections. */
export const CONNECTION_FILES = {
  connections: "shared/connections/connections.yaml",
  /** Of the demonstration; in force locally. */
  demonstration: "scripts/demonstration/connections.yaml",
  /** JSON Schema for editors. */
  schema: "shared/connections/connections.schema.json",
} as const;

/** File with the connections of one local storage alone: the demonstration's. */
export function storageFile(stateFolder = ".wrangler/state"): string {
  return path.resolve(ROOT, stateFolder, "connections.yaml");
}

/** Reads the file of connections; without one there are none. Throws {@link CommandFailure} with every mistake. */
export async function loadConnections(
  file: string = CONNECTION_FILES.connections,
): Promise<ConnectionsDocument> {
  const place = path.resolve(ROOT, file);
  if (!existsSync(place)) {
    if (file === CONNECTION_FILES.connections) return { connections: {} };
    throw new CommandFailure(`${file} does not exist.`, "Check the path.");
  }
  const read = readConnections(file, await readFile(place, "utf8"));
  if (read.value !== null) return read.value;
  throw new CommandFailure(
    read.mistakes.map(formatMistake).join("\n  "),
    "Correct the file; what is published stays as it is.",
  );
}

/**
 * What an environment should have: the connections of the file, and locally also those of its storage, unless the file
 * has one of the same name.
 */
export async function loadWanted(
  file: string,
  { env, state }: { env: string; state?: string | undefined },
): Promise<ConnectionsDocument> {
  const own = await loadConnections(file);
  const ofStorage = storageFile(state);
  if (env !== "local" || !existsSync(ofStorage)) return own;
  const { connections } = await loadConnections(ofStorage);
  return { connections: { ...connections, ...own.connections } };
}

/**
 * Sentences about an entry, each with its place: `file:line field: sentence` for one that begins with a field of the entry. The
 * others, and those about an entry that is in no file, stay as they are.
 */
export async function locateSentences(
  sentences: readonly string[],
  name: string,
  file: string,
  { env, state }: { env: string; state?: string | undefined },
): Promise<string[]> {
  for (const one of env === "local" ? [file, storageFile(state)] : [file]) {
    const place = path.resolve(ROOT, one);
    if (!existsSync(place)) continue;
    const { value, locate } = readYaml(one, await readFile(place, "utf8"), connectionsDocument);
    if (value?.connections[name] === undefined) continue;
    return sentences.map((sentence) => {
      const [, field, said] = /^([a-z_]+(?:\.[a-z0-9_]+)*): (.*)$/s.exec(sentence) ?? [];
      if (field === undefined || said === undefined) return sentence;
      return formatMistake(locate(["connections", name, ...field.split(".")], said));
    });
  }
  return [...sentences];
}

/** Parses the text of a file. Mistakes have file, line, field, and the closest name that fits. */
export function readConnections(
  file: string,
  text: string,
): { value: ConnectionsDocument | null; mistakes: readonly Mistake[] } {
  const read = readYaml(file, text, connectionsDocument);
  return { value: read.value, mistakes: read.mistakes.map((mistake) => suggest(mistake, text)) };
}

const FIELDS = listFields(z.toJSONSchema(connectionsDocument, { io: "input" }));

/** Adds the field, the kind or the authentication that was probably meant. */
function suggest(mistake: Mistake, text: string): Mistake {
  if (mistake.field.endsWith(".kind") && mistake.message.startsWith("Invalid discriminator")) {
    const written = String(parseDocument(text).getIn(mistake.field.split(".")) ?? "");
    const known = `There are: ${CONNECTION_KINDS.join(", ")}`;
    if (written === "") return { ...mistake, message: `is missing. ${known}` };
    const [nearest] = findNearMisses(written.toLowerCase(), CONNECTION_KINDS);
    const meant = nearest === undefined ? known : `Did you mean "${nearest}"?`;
    return { ...mistake, message: `"${written}" is not a kind of connection. ${meant}` };
  }
  if (mistake.field.endsWith(".auth.type") && mistake.message.startsWith("Invalid discriminator")) {
    const written = String(parseDocument(text).getIn(mistake.field.split(".")) ?? "");
    const known = [...mistake.message.matchAll(/'([^']+)'/g)].map(([, type]) => String(type));
    const [nearest] = findNearMisses(written, known);
    const meant = nearest === undefined ? `There are: ${known.join(", ")}` : `Did you mean "${nearest}"?`;
    return { ...mistake, message: `"${written}" is no authentication of this kind. ${meant}` };
  }
  if (!mistake.message.startsWith("is not a field")) return mistake;
  const written = mistake.field.split(".").at(-1) ?? "";
  const [nearest] = findNearMisses(written, FIELDS);
  // Another kind, or another way to reach it, has this field.
  const message = "is not a field that a connection has here";
  return {
    ...mistake,
    message:
      nearest === undefined || nearest === written ? message : `${message}. Did you mean "${nearest}"?`,
  };
}

function listFields(schema: unknown): string[] {
  if (Array.isArray(schema)) return schema.flatMap(listFields);
  if (typeof schema !== "object" || schema === null) return [];
  const own = Object.keys((schema as { properties?: object }).properties ?? {});
  return [...new Set([...own, ...Object.values(schema).flatMap(listFields)])];
}

/** Expected content of the JSON Schema file. */
export function writeConnectionsSchema(): object {
  return { title: "Gatehouse connections", ...z.toJSONSchema(connectionsDocument, { io: "input" }) };
}
