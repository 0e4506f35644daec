import type { PolicyCaller } from "../call/principal.ts";
import type { Policy } from "../policy/compile.ts";

import type { Entry } from "../server/catalogue.ts";
import { isVisible } from "./decide.ts";

/** The listed form of every entry this principal may see. */
export function visible<Definition>(
  policy: Policy,
  identity: PolicyCaller,
  entries: Iterable<Entry<Definition>>,
): Entry<Definition>[] {
  return [...entries].filter((entry) => isVisible(policy, identity, entry.subject));
}
