import { compileApprovals } from "../../shared/policy/approvals.ts";
import { bundledPolicy } from "../../shared/policy/bundled.ts";
import { type ConsoleRight, expandRights } from "../../shared/policy/console.ts";
import { compileGlobs } from "../../shared/policy/glob.ts";
import type { ApprovalDocument } from "../../shared/policy/schema.ts";
import { buildPolicy } from "../policy/build-policy.ts";

const policy = bundledPolicy();

/** Replaces the approval rules of a role in the policy in force. Applies to the rest of the test file. */
export function setApprovals(role: string, documents: ApprovalDocument[]): void {
  Object.assign(roleOf(role), { approvals: compileApprovals(role, documents) });
}

/** Replaces what people of a role may do in the console. */
export function setConsole(role: string, rights: readonly ConsoleRight[]): void {
  Object.assign(roleOf(role), { console: expandRights(rights) });
}

/** Replaces what people of a role may approve for others. */
export function setApproves(role: string, globs: string[]): void {
  Object.assign(roleOf(role), { approves: compileGlobs(globs) });
}

/**
 * Replaces a role's requirements on the second factor: `required` for everything, and for tools of these
 * globs a maximum age in minutes.
 */
export function setSecondFactor(
  role: string,
  { required = false, fresh }: { required?: boolean; fresh?: { tools: string[]; minutes: number } },
): void {
  const conditions = fresh
    ? [
        {
          name: "fresh",
          tools: fresh.tools,
          require: { mfa_max_age: fresh.minutes },
          message: "Money moves.",
        },
      ]
    : [];
  const mfa = required ? ("required" as const) : ("optional" as const);
  const compiled = buildPolicy({ mfa, conditions }).roles.get("worker");
  Object.assign(roleOf(role), { mfaRequired: required, conditions: compiled?.conditions });
}

/** Puts the policy in force again, as another version. Returns a function that restores it. */
export function changeVersion(): () => void {
  const { version, digest } = policy;
  Object.assign(policy, { version: version + 1, digest: "f".repeat(64) });
  return () => void Object.assign(policy, { version, digest });
}

function roleOf(name: string) {
  const role = policy.roles.get(name);
  if (!role) throw new Error(`The policy has no role "${name}".`);
  return role;
}

/**
 * Lets a role use every tool and resource, whatever the policy says. Applies to the rest of the test file.
 */
export function liftDenials(role: string): void {
  const found = roleOf(role);
  const any = compileGlobs(["*"]);
  const none = compileGlobs([]);
  Object.assign(found, {
    allowed: { ...found.allowed, tool: any, resource: any },
    denied: { ...found.denied, tool: none, resource: none },
  });
}
