import { z } from "zod";
import { canonicalize, digestText } from "../encoding/canonical-json.ts";
import type { JsonValue } from "../encoding/json.ts";

/**
 * What a connected system offers, for kinds whose tools are data. Each kind has its own members besides these
 * two; a definition is identified by connection, type and name, and its content by its digest.
 */
const definition = z.looseObject({
  type: z.enum(["tool", "resource", "template", "prompt"]),
  /** Name at the other system. */
  name: z.string().min(1).max(500),
});

/** {@link definition}, parsed. JSON. */
export type Definition = z.output<typeof definition>;

/** Characters of the canonical JSON of one definition; GitHub's largest operation has 436,000. */
export const MOST_OF_ONE = 500_000;

/** Most definitions of one connection. */
const MOST_DEFINITIONS = 5_000;

/** Bytes of one part: D1 and KV take more, and one more definition always fits below their limits. */
const PART_BYTES = 400_000;

/** Some definitions as they are stored: the canonical JSON of a list, and its SHA-256. */
export interface DefinitionPart {
  digest: string;
  document: string;
}

/** SHA-256 of the canonical JSON of a definition, hexadecimal. */
export function digestDefinition(one: Definition): string {
  return digestText(canonicalize(one as unknown as JsonValue));
}

/**
 * Divides definitions into parts of less than 900 KB, sorted by type and name: the same definitions give the
 * same parts. Throws a `TypeError` if one is too large, named twice, or there are too many.
 */
export function packDefinitions(definitions: readonly Definition[]): DefinitionPart[] {
  if (definitions.length > MOST_DEFINITIONS)
    throw new TypeError(`${definitions.length} definitions; a connection has at most ${MOST_DEFINITIONS}.`);
  const sorted = definitions
    .map((one) => ({ key: `${one.type} ${one.name}`, text: canonicalize(one as unknown as JsonValue) }))
    .sort((one, other) => (one.key < other.key ? -1 : 1));
  const parts: string[][] = [];
  let bytes = PART_BYTES;
  for (const [index, { key, text }] of sorted.entries()) {
    if (text.length > MOST_OF_ONE)
      throw new TypeError(`The ${key} has ${text.length} characters; at most ${MOST_OF_ONE} are kept.`);
    if (sorted[index + 1]?.key === key) throw new TypeError(`The ${key} is defined twice.`);
    if (bytes >= PART_BYTES) {
      parts.push([]);
      bytes = 0;
    }
    parts.at(-1)?.push(text);
    bytes += new TextEncoder().encode(text).length;
  }
  return parts.map((texts) => {
    const document = `[${texts.join(",")}]`;
    return { digest: digestText(document), document };
  });
}

/** Reads a part of {@link packDefinitions}. Throws if it is none. */
export function parsePart(document: string): Definition[] {
  return z.array(definition).parse(JSON.parse(document));
}
