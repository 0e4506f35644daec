import { bundledPolicy } from "../../shared/policy/bundled.ts";
import { compilePolicy } from "../../shared/policy/compile.ts";
import { limitsOf } from "../../shared/policy/current.ts";
import type { LimitRules } from "../../shared/policy/limits.ts";
import bundled from "../../shared/policy/policy.json" with { type: "json" };
import { policyDocument } from "../../shared/policy/schema.ts";

const policy = bundledPolicy();

// A test file before this one, in the same runtime, may have changed the policy. Copies that the Worker made of it share its
// roles, so that these are restored as they are.
const { roles, ...rules } = compilePolicy(structuredClone(policyDocument.parse(bundled)));
for (const [name, role] of policy.roles) Object.assign(role, roles.get(name));
Object.assign(policy, rules);

/** The limits of a deployment, from the policy. */
export const DEPLOYED_LIMITS: Readonly<LimitRules> = { ...limitsOf(policy, policy.defaultRole) };

const LIFTED: LimitRules = {
  callsPerClient: 1_000_000,
  callsPerCostlyTool: 1_000_000,
  callsPerUser: 1_000_000,
  concurrentCalls: 1_000_000,
  unitsPerDay: 1_000_000_000,
  costlyUnits: 1,
};

/** Sets limits for the tests of this file; other limits stay lifted. */
export function setLimits(limits: Partial<LimitRules>): void {
  for (const role of policy.roles.values()) Object.assign(role.limits, LIFTED, limits);
}

/** Sets limits of one role, on top of {@link setLimits}. */
export function setLimitsOf(role: string, limits: Partial<LimitRules>): void {
  Object.assign(policy.roles.get(role)?.limits ?? {}, limits);
}

// Set-up of every test file: its tests make more calls per minute than users do, and most do not test limits.
setLimits({});
