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

const SHOWS_PERSONAL: MaskRules = {
  fields: { public: "show", internal: "show", pii: "show", secret: "drop" },
  text: ["secret"],
};

const MASKS_PERSONAL: MaskRules = {
  fields: { public: "show", internal: "show", pii: "mask", secret: "drop" },
  text: ["pii", "secret"],
};

/** Roles that see personal data. Everyone else, also a role that nobody has heard of, sees it masked. */
const ROLE_MASKS: Readonly<Record<string, MaskRules>> = {
  analyst: SHOWS_PERSONAL,
  sales: SHOWS_PERSONAL,
  editor: SHOWS_PERSONAL,
  admin: SHOWS_PERSONAL,
};

/** The rules of a role. */
export function masksOf(role: string): MaskRules {
  return (Object.hasOwn(ROLE_MASKS, role) ? ROLE_MASKS[role] : undefined) ?? MASKS_PERSONAL;
}
