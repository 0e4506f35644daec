import type { Policy } from "./compile.ts";
import type { RoleDocument } from "./schema.ts";

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

/** What a role sees that nobody has heard of: nothing personal, nothing secret. */
const UNKNOWN_ROLE: MaskRules = {
  fields: { public: "show", internal: "show", pii: "mask", secret: "drop" },
  text: ["pii", "secret"],
};

/** The `mask` of a role, ready to be asked. */
export function compileMask({ text, ...fields }: RoleDocument["mask"]): MaskRules {
  return { fields, text };
}

/** The rules of a role. */
export function masksOf(policy: Policy, role: string): MaskRules {
  return policy.roles.get(role)?.masks ?? UNKNOWN_ROLE;
}
