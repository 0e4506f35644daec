import { z } from "zod";
import { canonicalize } from "../encoding/canonical-json.ts";
import type { JsonValue } from "../encoding/json.ts";
import { type ConnectionEntry, connectionEntry, connectionName } from "./entry.ts";

/** The document of a published connection: what a catalogue revision of its name holds. */
const revisionDocument = z.strictObject({
  format: z.literal(1),
  connection: connectionName,
  entry: connectionEntry,
});

/** The document of a connection, as canonical JSON: the same entry gives the same revision. */
export function writeRevision(connection: string, entry: ConnectionEntry): string {
  return canonicalize({ format: 1, connection, entry } as unknown as JsonValue);
}

/** Reads a document of {@link writeRevision}. Throws a `TypeError` if it is none of this release or of another connection. */
export function parseRevision(connection: string, document: string): ConnectionEntry {
  const read = revisionDocument.safeParse(JSON.parse(document));
  if (!read.success) throw new TypeError(`The revision of "${connection}" cannot be read by this release.`);
  if (read.data.connection !== connection) throw new TypeError(`The revision is not of "${connection}".`);
  return read.data.entry;
}
