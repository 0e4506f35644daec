import type { MaskRules } from "../call/mask-rules.ts";
import { canonicalize, digestText } from "../encoding/canonical-json.ts";
import type { JsonValue } from "../encoding/json.ts";

/** A read whose answer may be given again to the same caller. */
export interface CachedRead {
  connection: string;
  /** SHA-256 of the published revision of the connection. */
  revision: string;
  /** Number of the publication by which the call was decided. */
  publication: number;
  /** The person's opaque id. */
  person: string;
  role: string;
  masks: MaskRules;
  tool: string;
  /** What the connector is asked. */
  operation: string;
  arguments: Readonly<Record<string, JsonValue>>;
  /** What the other system is told of the caller. */
  identity: Readonly<Record<string, string>>;
}

/**
 * The name under which the answer of a read is kept: SHA-256, 64 hex digits. Two reads have one name exactly if all of
 * their parts are equal, whatever the sequence of their members.
 */
export function cacheKeyOf(read: CachedRead): string {
  return digestText(canonicalize(read));
}
