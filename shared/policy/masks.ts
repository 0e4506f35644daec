import type { MaskRules } from "../call/mask-rules.ts";
import type { Policy } from "./compile.ts";
import type { RoleDocument } from "./schema.ts";

/** Masks of an unknown role: nothing personal, nothing secret. */
const UNKNOWN_ROLE: MaskRules = {
  fields: { public: "show", internal: "show", pii: "mask", secret: "drop" },
  text: ["pii", "secret"],
};

/** Compiles the `mask` of a role. */
export function compileMask({ text, ...fields }: RoleDocument["mask"]): MaskRules {
  return { fields, text };
}

/** The mask rules of a role. */
export function masksOf(policy: Policy, role: string): MaskRules {
  return policy.roles.get(role)?.masks ?? UNKNOWN_ROLE;
}
