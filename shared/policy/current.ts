import { compilePolicy, type Policy } from "./compile.ts";
import bundled from "./policy.json" with { type: "json" };
import { policyDocument } from "./schema.ts";

let current: Policy | undefined;

/**
 * The policy in force: the bundled one, compiled once per isolate. `policy.json` is written from `policy.yaml` by
 * `npm run policy -- build`, so that no YAML parser is deployed; `npm run check` fails when the two differ.
 */
export function currentPolicy(): Policy {
  current ??= compilePolicy(policyDocument.parse(bundled));
  return current;
}

/** Whether a person with `role` may hold `scope`. An unknown role may hold nothing. */
export function roleMayHold(role: string, scope: string): boolean {
  const found = currentPolicy().roles.get(role);
  return found !== undefined && found.scopes(scope) !== null;
}

/** The names of all roles, in the policy's order. */
export function listRoles(): string[] {
  return [...currentPolicy().roles.keys()];
}
