import type { Policy } from "../../shared/policy/compile.ts";
import { decide } from "../../shared/policy/decide.ts";
import type { Known } from "./catalogue.ts";

/** Warns of tools that no role can use under any arguments, place and time: usually an oversight. */
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
  return names.length === 0 ? [] : [`No role may use ${names.join(", ")}.`];
}
