import type * as original from "../../../../shared/guard/admit.ts";
import { emptyContext } from "../../../../shared/session/context.ts";

export type * from "../../../../shared/guard/admit.ts";
export { followAdmission } from "../../../../shared/guard/admit.ts";

/** Makes no request: no limit, no revocation, no intent, and a stateless client's memory is empty. */
export const admit: typeof original.admit = async ({ lane, identity, policy }) => ({
  admitted: true,
  context: lane === "stateless" ? emptyContext() : null,
  role: identity.role,
  policy: { ...policy, catalogues: null },
  running: 1,
});
