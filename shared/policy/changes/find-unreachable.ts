import type { Policy } from "../compile.ts";
import { RIGHT_NAMES, rolesWithRight } from "../console.ts";
import { decide } from "../decide.ts";
import type { Known } from "./known.ts";

/**
 * Warns of tools that no role may use, whatever the arguments, the place and the time, and of pages of the console that no
 * role opens: mostly an oversight.
 */
export function findUnreachable(policy: Policy, { subjects, scopes }: Known): string[] {
  const roles = [...policy.roles].map(([name, role]): [string, typeof role] => [
    name,
    { ...role, conditions: [] },
  ]);
  const unconditional = { ...policy, roles: new Map(roles) };
  const asking = { scopes, ip: null, country: null, at: 0, mfaAt: 0 };
  const names = subjects
    .filter(({ kind }) => kind === "tool")
    .filter((tool) =>
      roles.every(([role]) => decide(unconditional, { role, ...asking }, tool).kind === "deny"),
    )
    .map(({ name }) => name);
  const rights = RIGHT_NAMES.filter((right) => rolesWithRight(policy, right).length === 0);
  return [
    ...(names.length === 0 ? [] : [`No role may use ${names.join(", ")}.`]),
    ...(rights.length === 0 ? [] : [`No role has the console right ${rights.join(", ")}.`]),
  ];
}
