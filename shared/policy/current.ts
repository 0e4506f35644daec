import { compilePolicy, type Policy } from "./compile.ts";
import type { LimitRules } from "./limits.ts";
import bundled from "./policy.json" with { type: "json" };
import { policyDocument } from "./schema.ts";

let fromBundle: Policy | undefined;

/**
 * The policy that came with the deployment, compiled once per isolate. `policy.json` is written from `policy.yaml` by
 * `npm run policy -- build`, so that no YAML parser is deployed; `npm run check` fails when the two differ.
 */
export function bundledPolicy(): Policy {
  fromBundle ??= compilePolicy(policyDocument.parse(bundled));
  return fromBundle;
}

/** The policy in force. Whoever serves a request asks once, and hands it on with the request. */
export async function policyInForce(_env: Env): Promise<Policy> {
  return bundledPolicy();
}

/** Whether a person with `role` may hold `scope`. An unknown role may hold nothing. */
export function roleMayHold(policy: Policy, role: string, scope: string): boolean {
  const found = policy.roles.get(role);
  return found !== undefined && found.scopes(scope) !== null;
}

/** Whether people with `role` may approve calls of `tool` for others. An unknown role may approve nothing. */
export function roleMayApprove(policy: Policy, role: string, tool: string): boolean {
  return (policy.roles.get(role)?.approves(tool) ?? null) !== null;
}

/** The limits of a role, or of the default role for one that the policy does not know: such a person may do nothing. */
export function limitsOf(policy: Policy, role: string): LimitRules {
  const found = policy.roles.get(role) ?? policy.roles.get(policy.defaultRole);
  if (found === undefined) throw new TypeError(`The policy has no role "${policy.defaultRole}".`);
  return found.limits;
}

/** The names of all roles, in the policy's order. */
export function listRoles(policy: Policy): string[] {
  return [...policy.roles.keys()];
}
