import type * as original from "../../../../shared/guard/decide.ts";

/** Allows everything. */
export const decide: typeof original.decide = () => ({
  kind: "allow",
  rule: "bench",
  reason: "Nothing is asked.",
});

/** Shows everything. */
export const isVisible: typeof original.isVisible = () => true;

/** Accepts everything. */
export const requireAllowed: typeof original.requireAllowed = () => {};
