import type { PolicyCaller } from "../call/principal.ts";
import type { Policy } from "../policy/compile.ts";

import type { Entry } from "../server/catalogue.ts";
import type { ResourceDefinition } from "../server/define.ts";
import { decide, isVisible } from "./decide.ts";

/** The listed form of every entry that this principal may see. */
export function visible<Item extends Entry<unknown>>(
  policy: Policy,
  identity: PolicyCaller,
  entries: Iterable<Item>,
): Item[] {
  return [...entries].filter((entry) => isVisible(policy, identity, entry.subject));
}

/**
 * Resources that a list shows: readable now or after a scope step-up. A missing or old second factor cannot
 * be renewed within the protocol, so those resources are hidden.
 */
export function readable(
  policy: Policy,
  identity: PolicyCaller,
  entries: Iterable<Entry<ResourceDefinition>>,
): Entry<ResourceDefinition>[] {
  return visible(policy, identity, entries).filter(
    ({ subject }) => decide(policy, identity, subject).kind !== "mfa",
  );
}
