import type { Effect } from "../call/subject.ts";
import { findApprovalNeed } from "./approvals.ts";
import type { CompiledCondition, Policy, SubjectKind } from "./compile.ts";
import { findFactorNeed } from "./second-factor.ts";

/** Scope of the tools that only touch the caller's own session memory: every valid token carries it. */
export const SESSION_SCOPE = "session";

/** Who asks, from where and when. */
export interface DecisionPrincipal {
  role: string;
  /** What the token may do. */
  scopes: readonly string[];
  ip: string | null;
  /** ISO 3166-1 alpha-2, or `null`. */
  country: string | null;
  /** Milliseconds since 1970. */
  at: number;
  /** When the person gave the second factor behind the token, on the same clock; `null` when there was none. */
  mfaAt: number | null;
}

/** What is asked for. */
export interface DecisionSubject {
  kind: SubjectKind;
  name: string;
  scope: string;
  effect: Effect;
  /** The arguments as the tool will get them. Absent while nobody calls: then the question is whether any could do. */
  args?: Readonly<Record<string, unknown>>;
}

/**
 * `allow`: go on. `scope`: the person may hold the right, the token does not carry it; the client can step up.
 * `mfa`: allowed in all else, once the person has connected the app with a second factor that is fresh enough.
 * `approval`: allowed in all else, once a person approves this very call; only where arguments were given.
 * `deny`: not with this policy. `rule` names the place in the policy that decided, `reason` says it in a sentence
 * that may reach the client.
 */
export type Decision =
  | { kind: "allow"; rule: string; reason: string }
  | { kind: "scope"; scope: string; rule: string; reason: string }
  | { kind: "mfa"; rule: string; reason: string }
  | { kind: "approval"; rule: string; reason: string; selfApproval: boolean; expiresMinutes: number }
  | { kind: "deny"; rule: string; reason: string };

/**
 * May this principal use this subject? Pure: everything it depends on is given. Default is deny, and deny wins: the
 * effective right is what token scopes, role scopes, tool rule and conditions all allow.
 */
export function decide(policy: Policy, principal: DecisionPrincipal, subject: DecisionSubject): Decision {
  const { kind, name, scope, effect, args } = subject;
  const role = policy.roles.get(principal.role);
  if (role === undefined) {
    return deny("roles", `The role "${principal.role}" is not in the policy.`);
  }
  const place = `roles.${principal.role}`;
  const denied = role.denied[kind](name);
  if (denied !== null) {
    return deny(
      `${place}.denied_${kind}s[${denied.index}]`,
      `The role "${principal.role}" may not use ${name}: the policy denies ${denied.glob}.`,
    );
  }
  const allowed = role.allowed[kind](name);
  if (allowed === null) {
    return deny(`${place}.allowed_${kind}s`, `The role "${principal.role}" does not include ${name}.`);
  }
  if (scope !== SESSION_SCOPE && role.scopes(scope) === null) {
    return deny(`${place}.scopes`, `The role "${principal.role}" does not include ${scope}.`);
  }
  const failed = role.conditions.find((condition) => !couldHold(condition, principal, subject));
  if (failed !== undefined) return deny(failed.rule, failed.message);
  if (scope !== SESSION_SCOPE && !principal.scopes.includes(scope)) {
    return { kind: "scope", scope, rule: "token", reason: `The token does not carry ${scope}.` };
  }
  const factor = findFactorNeed(role, place, principal, subject);
  if (factor !== null) return { kind: "mfa", ...factor };
  const need =
    kind === "tool" &&
    args !== undefined &&
    findApprovalNeed(role.approvals, { name, effect, args, country: principal.country });
  if (need) {
    const { rule, message, selfApproval, expiresMinutes } = need;
    return { kind: "approval", rule, reason: message, selfApproval, expiresMinutes };
  }
  const rule = `${place}.allowed_${kind}s[${allowed.index}]`;
  return { kind: "allow", rule, reason: `The role "${principal.role}" may use ${allowed.glob}.` };
}

/** Whether the condition holds; without arguments, whether some arguments could make it hold. Errors count as no. */
function couldHold(
  condition: CompiledCondition,
  { country, ip, at }: DecisionPrincipal,
  { kind, name, effect, args }: DecisionSubject,
): boolean {
  if (!condition.covers(kind, name, effect)) return true;
  if (condition.isFromCountry?.(country) === false) return false;
  if (condition.isFromNetwork?.(ip) === false) return false;
  if (condition.isWithinHours?.(at) === false) return false;
  const verdict = condition.expression?.evaluate({
    tool: name,
    effect,
    country: country ?? "",
    ...(args !== undefined && { args }),
  });
  return verdict === undefined || verdict === "true" || verdict === "unknown";
}

function deny(rule: string, reason: string): Decision {
  return { kind: "deny", rule, reason };
}
