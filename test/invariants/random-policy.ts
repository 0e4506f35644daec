import { afterAll } from "vitest";
import { bundledPolicy } from "../../shared/policy/bundled.ts";
import type { CompiledRole, Policy } from "../../shared/policy/compile.ts";
import { listServers } from "../../workers/servers.ts";
import { buildPolicy } from "../policy/build-policy.ts";

/** Callable names by kind, as the registry defines them. */
export const DEFINED = {
  tool: listServers().flatMap(({ tools }) => tools.map(({ name, scope }) => ({ name, scope }))),
  prompt: listServers().flatMap(({ prompts }) => prompts.map(({ name, scope }) => ({ name, scope }))),
  resource: listServers().flatMap(({ resources }) => resources.map(({ name, scope }) => ({ name, scope }))),
};

/** Every scope of every server. */
export const SCOPES = listServers().flatMap(({ scopes }) => Object.keys(scopes));

const roles = bundledPolicy().roles as Map<string, CompiledRole>;
const original = new Map(roles);

afterAll(() => {
  for (const [name, role] of original) roles.set(name, role);
});

/** Removes a role from the policy, until {@link replaceRole} gives it rules again or the test file ends. */
export function removeRole(role: string): void {
  roles.delete(role);
}

/**
 * Replaces the rules of a role until the test file ends; its limits stay lifted. Returns the policy of the
 * parts, in which the role is called `worker`.
 */
export function replaceRole(role: string, parts: Parameters<typeof buildPolicy>[0]): Policy {
  const policy = buildPolicy(parts);
  const compiled = policy.roles.get("worker");
  const limits = original.get(role)?.limits;
  if (compiled === undefined || limits === undefined) throw new Error(`There is no role ${role}.`);
  roles.set(role, { ...compiled, limits });
  return policy;
}
