import type { JsonValue } from "../encoding/json.ts";
import type { EntityReference } from "./entity-reference.ts";
import type { Classification } from "./mask-rules.ts";

/** A change that a user is asked to agree to. */
export interface Proposal {
  /** Text that the user reads. */
  message: string;
  /** Records that would change, as ids and versions, or a digest of them. */
  about: JsonValue;
  /** Id that the `confirm` value carries in plain text, if the tool stores the prepared change under one. */
  id?: string;
}

/**
 * The user's consent, or the `confirm` value that stands for it when the client cannot ask and shows the
 * preview.
 */
export type Agreement = { agreed: true } | { agreed: false; confirm: string };

/** Permission to call another tool with these arguments. */
export interface NeededRight {
  tool: string;
  args: Readonly<Record<string, unknown>>;
}

/** One record that a call would change, shown to the approver. */
export interface PreviewedChange {
  /** Type, id and name of the record, such as a `Deal`. */
  record: EntityReference;
  /** Current owner of the record. */
  owner?: string | null;
  /** Current value with its currency. */
  amount?: string | null;
  /** Each field with its value before and after, formatted for people; `null` is empty. */
  fields: readonly PreviewedField[];
}

/** One field of a {@link PreviewedChange}. */
export interface PreviewedField {
  name: string;
  from: string | null;
  to: string | null;
  /** Sensitivity of the value; see `.meta({ classification })`. Default `internal`. */
  classification?: Classification;
}
