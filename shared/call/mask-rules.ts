/**
 * How sensitive a field is. A schema says it with `.meta({ classification: "pii" })`; a field that says nothing is
 * free text.
 */
export type Classification = "public" | "internal" | "pii" | "secret";

/** `show` as it is, `mask` to what is still useful (`j•••@acme.com`), or `drop` altogether. */
export type Treatment = "show" | "mask" | "drop";

/** What a role sees. */
export interface MaskRules {
  /** Classified fields. */
  fields: Readonly<Record<Classification, Treatment>>;
  /** What is masked where it is found inside of free text. */
  text: readonly ("pii" | "secret")[];
}
