import type { JsonValue } from "../encoding/json.ts";
import type { EntityReference } from "./entity-reference.ts";
import type { Classification } from "./mask-rules.ts";

/** What a person is to agree to. */
export interface Proposal {
  /** What the person reads. */
  message: string;
  /** What would be touched, as ids and versions of records, or a digest of them. */
  about: JsonValue;
  /** An id that a `confirm` value carries in the open, where the tool keeps what it would do under one. */
  id?: string;
}

/** A person's yes, or what stands for it once a client that cannot ask has shown its person the preview. */
export type Agreement = { agreed: true } | { agreed: false; confirm: string };

/** The right to call another tool with these arguments. */
export interface NeededRight {
  tool: string;
  args: Readonly<Record<string, unknown>>;
}

/** One record that a call would change, for the person who is to approve it. */
export interface PreviewedChange {
  /** What the record is, such as `Deal`, and its id and name. */
  record: EntityReference;
  /** Who is responsible for the record now. */
  owner?: string | null;
  /** What it is worth now, with its currency. */
  amount?: string | null;
  /** Each field with its value now and then, as people read them; `null` is empty. */
  fields: readonly PreviewedField[];
}

/** One field of a {@link PreviewedChange}. */
export interface PreviewedField {
  name: string;
  from: string | null;
  to: string | null;
  /** Who may read it; see `.meta({ classification })`. Default `internal`. */
  classification?: Classification;
}
