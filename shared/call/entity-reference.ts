import type { JsonValue } from "../encoding/json.ts";
import type { Classification } from "./mask-rules.ts";

/**
 * A record that the user and the model spoke about, such as "that customer". Newest first, unique by type and
 * id.
 */
export interface EntityReference {
  /** Singular noun: `contact`, `company`, `deal`, `article`, `metric`. */
  type: string;
  id: string;
  label: string;
  /** How sensitive the label is; a role that is not shown such fields reads it masked. */
  classification?: Classification;
  /** Server whose tool mentioned the record. Absent in sessions stored by earlier releases. */
  server?: string;
}

/**
 * The session's memory as a tool sees it: a snapshot to read, and changes that are stored with the result.
 */
export interface ContextAccess {
  /** Session defaults that `inherits` may fill in; read-only. */
  readonly defaults: Readonly<Record<string, JsonValue>>;
  /** Recently touched entities, newest first. */
  recent(type?: string): readonly EntityReference[];
  /** Remembers an entity, so that "that customer" can be resolved later. */
  remember(entity: EntityReference): void;
}
