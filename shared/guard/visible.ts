import type { PolicyCaller } from "../call/principal.ts";
import type { Policy } from "../policy/compile.ts";

import type { Entry } from "../server/catalogue.ts";
import type { ResourceDefinition } from "../server/define.ts";
import { decide, isVisible } from "./decide.ts";

/** The listed form of every entry this principal may see. */
export function visible<Definition>(
  policy: Policy,
  identity: PolicyCaller,
  entries: Iterable<Entry<Definition>>,
): Entry<Definition>[] {
  return [...entries].filter((entry) => isVisible(policy, identity, entry.subject));
}

/**
 * The resources that a list shows: what can be read now or after a step-up. A second factor that is missing or too old
 * cannot be given within the protocol, and a client that reads what it was shown would only fail.
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
