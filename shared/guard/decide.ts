import type { PrincipalIdentity } from "../auth/principal.ts";
import { roleMayHold } from "../policy/roles.ts";
import type { Subject } from "./exchange.ts";

/** Scope of the tools that only touch the caller's own session memory: any valid token may use them. */
export const SESSION_SCOPE = "session";

/**
 * `allow`: go on. `scope`: the person may hold the right, the token does not carry it; the client can step up.
 * `deny`: the person's role can never hold it.
 */
export type Decision =
  | { kind: "allow" }
  | { kind: "scope"; scope: string }
  | { kind: "deny"; reason: string };

/**
 * Step 1: may this principal use this subject? Pure. Lists, completion, resources, prompts and calls all ask here,
 * so that what is visible can be called and what can be called is visible. Default is deny.
 */
export function decide(
  identity: Pick<PrincipalIdentity, "role" | "scopes">,
  subject: Pick<Subject, "scope">,
): Decision {
  if (subject.scope === SESSION_SCOPE) return { kind: "allow" };
  if (!roleMayHold(identity.role, subject.scope)) {
    return { kind: "deny", reason: `The role "${identity.role}" does not include ${subject.scope}.` };
  }
  if (!identity.scopes.includes(subject.scope)) return { kind: "scope", scope: subject.scope };
  return { kind: "allow" };
}

/** Whether a list shows the subject: everything that can be called now or after a step-up. */
export function isVisible(
  identity: Pick<PrincipalIdentity, "role" | "scopes">,
  subject: Pick<Subject, "scope">,
): boolean {
  return decide(identity, subject).kind !== "deny";
}
