import type { Policy } from "./compile.ts";
import type { Decision } from "./decide.ts";

/**
 * What a role may be given in the console, with what it lets a person do. A page that asks for a right of its own adds a
 * line here.
 */
export const CONSOLE_RIGHTS = {
  overview: "see how many calls there are, by whom and of what, how they end, and what fails or waits",
  people:
    "see everyone who may sign in, invite and import people, give them roles, make links for passwords, remove second factors, and disable or enable them, which is as much as every right",
  policy: "write drafts of the policy, try them and publish them, which is as much as every right",
  trail: "read the audit trail",
  approvals: "decide many requests at once, of the tools whose calls the role approves",
  connections: "see the connections to other systems: their state, their breakers and their last errors",
  definitions: "approve or refuse what MCP servers offer, and see who has connected an account at them",
  dead_letters: "look at records that could not be stored, and deliver them again",
  sessions: "see the sessions and tasks that are open, and end them",
  alerts: "see what is wrong or was, silence it, and send a test to who is told",
  settings: "see what is configured, without any secret",
} as const;

/** One right in the console. */
export type ConsoleRight = keyof typeof CONSOLE_RIGHTS;

/** The names of all rights. */
export const RIGHT_NAMES = Object.keys(CONSOLE_RIGHTS) as [ConsoleRight, ...ConsoleRight[]];

/** What a policy writes for every right, those of later releases included. */
export const EVERY_RIGHT = "*";

/** The rights that an entry of `console` stands for. */
export function expandRights(
  entries: readonly (ConsoleRight | typeof EVERY_RIGHT)[],
): ReadonlySet<ConsoleRight> {
  return new Set(entries.flatMap((entry) => (entry === EVERY_RIGHT ? RIGHT_NAMES : [entry])));
}

/** Whether people with `role` hold `right`. An unknown role holds nothing. */
export function roleHoldsRight(policy: Policy, role: string, right: ConsoleRight): boolean {
  return policy.roles.get(role)?.console.has(right) ?? false;
}

/** The roles that hold a right, in the policy's order. */
export function rolesWithRight(policy: Policy, right: ConsoleRight): string[] {
  return [...policy.roles].flatMap(([name, role]) => (role.console.has(right) ? [name] : []));
}

/** {@link roleHoldsRight} with the place in the policy that decides. */
export function decideRight(policy: Policy, role: string, right: ConsoleRight): Decision {
  if (!policy.roles.has(role))
    return { kind: "deny", rule: "roles", reason: `The policy has no role "${role}".` };
  const rule = `roles.${role}.console`;
  return roleHoldsRight(policy, role, right)
    ? { kind: "allow", rule, reason: `The role may ${CONSOLE_RIGHTS[right]}.` }
    : { kind: "deny", rule, reason: `The role does not have the console right "${right}".` };
}
