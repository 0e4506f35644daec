/**
 * Sensitivity of a field, declared with `.meta({ classification: "pii" })`. A field without one is free text.
 */
export type Classification = "public" | "internal" | "pii" | "secret";

/** `show` the value, `mask` it to its useful part (`j•••@acme.com`), or `drop` the field. */
export type Treatment = "show" | "mask" | "drop";

/** What a role may see. */
export interface MaskRules {
  /** Classified fields. */
  fields: Readonly<Record<Classification, Treatment>>;
  /** Kinds of sensitive data that are masked inside free text. */
  text: readonly ("pii" | "secret")[];
}
