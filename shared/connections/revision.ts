import { z } from "zod";
import { canonicalize } from "../encoding/canonical-json.ts";
import type { JsonValue } from "../encoding/json.ts";
import { type ConnectionEntry, connectionEntry, connectionName } from "./entry.ts";

/** The document of a published connection: what a catalogue revision of its name holds. */
const revisionDocument = z.strictObject({
  format: z.literal(1),
  connection: connectionName,
  entry: connectionEntry,
  definitions: z
    .array(z.string().regex(/^[0-9a-f]{64}$/))
    .max(500)
    .optional(),
});

/** A connection as it is published. */
export interface PublishedConnection {
  entry: ConnectionEntry;
  /** Digests of the parts that hold its definitions; none for kinds whose tools follow from the entry. */
  definitions: readonly string[];
}

/** The document of a connection, as canonical JSON: the same entry and definitions give the same revision. */
export function writeRevision(
  connection: string,
  entry: ConnectionEntry,
  definitions: readonly string[] = [],
): string {
  const parts = definitions.length > 0 ? { definitions } : {};
  return canonicalize({ format: 1, connection, entry, ...parts } as unknown as JsonValue);
}

/** Reads a document of {@link writeRevision}. Throws a `TypeError` if it is none of this release or of another connection. */
export function parseRevision(connection: string, document: string): PublishedConnection {
  const read = revisionDocument.safeParse(JSON.parse(document));
  if (!read.success) throw new TypeError(`The revision of "${connection}" cannot be read by this release.`);
  if (read.data.connection !== connection) throw new TypeError(`The revision is not of "${connection}".`);
  return { entry: read.data.entry, definitions: read.data.definitions ?? [] };
}
