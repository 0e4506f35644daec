import type { ReadLabel, Sends } from "../call/flow-labels.ts";
import type { Effect } from "../call/subject.ts";
import { findApprovalNeed, type StandingLimit } from "./approvals.ts";
import type { CompiledCondition, Policy, SubjectKind } from "./compile.ts";
import type { Unmet } from "./conditions/condition.ts";
import { findKeyLimit, type KeyReach } from "./key-limits.ts";

/** Scope of tools that only touch the caller's own session memory: every valid token carries it. */
export const SESSION_SCOPE = "session";

/** Caller, origin and time. */
export interface DecisionPrincipal {
  role: string;
  /** Scopes of the token. */
  scopes: readonly string[];
  ip: string | null;
  /** ISO 3166-1 alpha-2, or `null`. */
  country: string | null;
  /** Milliseconds since 1970. */
  at: number;
  /** Time of the second factor behind the token, in milliseconds since 1970; `null` without one. */
  mfaAt: number | null;
  /** Fingerprint of the verified client certificate; absent without one. */
  certificate?: string;
  /** What narrows the API key that calls; absent for apps. */
  key?: KeyReach;
}

/** The tool, resource or prompt. */
export interface DecisionSubject {
  kind: SubjectKind;
  name: string;
  scope: string;
  effect: Effect;
  /** Where the arguments of a call go. */
  sends: Sends;
  /**
   * Arguments as the tool will get them. Absent outside a call: decides whether any arguments could be
   * allowed.
   */
  args?: Readonly<Record<string, unknown>>;
  /** What the session has met before the call. A rule that asks for it holds against a call that comes without. */
  session?: readonly ReadLabel[];
}

/**
 * `allow`: permitted. `scope`: the role has the right but the token lacks it, so the client can step up.
 * `mfa`: otherwise permitted, once the user connects the app with a fresh second factor. `approval`:
 * otherwise permitted, once a person approves this exact call; only with arguments. `deny`: not permitted.
 * `rule` is the path of the deciding rule, `reason` a sentence that may reach the client.
 */
export type Decision =
  | { kind: "allow"; rule: string; reason: string }
  | { kind: "scope"; scope: string; rule: string; reason: string }
  | { kind: "mfa"; rule: string; reason: string }
  | {
      kind: "approval";
      rule: string;
      reason: string;
      selfApproval: boolean;
      expiresMinutes: number;
      standing: StandingLimit | null;
    }
  | { kind: "deny"; rule: string; reason: string };

/**
 * Decides whether this principal may use this subject. Pure. The default is deny, and deny wins: a right
 * needs the token's scopes, the role's scopes, a tool rule and all conditions.
 */
export function decide(policy: Policy, principal: DecisionPrincipal, subject: DecisionSubject): Decision {
  const { kind, name, scope, effect, sends, args, session } = subject;
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
  const outside = principal.key && findKeyLimit(principal.key, principal, name, scope === SESSION_SCOPE);
  if (outside) return deny(outside.rule, outside.reason);
  const unmet = findUnmet(role.conditions, principal, subject);
  const refusing = unmet.find(({ why }) => why.kind === "deny");
  if (refusing !== undefined) return deny(refusing.condition.rule, refusing.condition.message);
  if (scope !== SESSION_SCOPE && !principal.scopes.includes(scope)) {
    return { kind: "scope", scope, rule: "token", reason: `The token does not carry ${scope}.` };
  }
  if (role.mfaRequired && principal.mfaAt === null) {
    const reason = "The person's role asks for a second factor, and this app was connected without one.";
    return { kind: "mfa", rule: `${place}.mfa`, reason };
  }
  for (const { condition, why } of unmet) {
    if (why.kind === "mfa")
      return { kind: "mfa", rule: condition.rule, reason: `${condition.message} ${why.reason}` };
  }
  // A read tells others nothing, unless its words go to another system.
  const need =
    (kind === "tool" || sends === "outside") &&
    args !== undefined &&
    findApprovalNeed(role.approvals, { name, effect, sends, args, session, country: principal.country });
  if (need) {
    const { message: reason, ...demand } = need;
    return { kind: "approval", reason, ...demand };
  }
  const rule = `${place}.allowed_${kind}s[${allowed.index}]`;
  return { kind: "allow", rule, reason: `The role "${principal.role}" may use ${allowed.glob}.` };
}

/**
 * Requirements of covering conditions that do not hold; without arguments, those that no arguments could
 * satisfy.
 */
function findUnmet(
  conditions: readonly CompiledCondition[],
  { country, ip, at, mfaAt, certificate }: DecisionPrincipal,
  subject: DecisionSubject,
): { condition: CompiledCondition; why: Unmet }[] {
  const { name, effect, args, session } = subject;
  const facts = {
    ...{ country, ip, at, mfaAt, name, effect },
    ...(certificate !== undefined && { certificate }),
    ...(args !== undefined && { args }),
    ...(session !== undefined && { session }),
  };
  return conditions.flatMap((condition) => {
    if (!condition.covers(subject)) return [];
    return condition.requirements.flatMap((requirement) => {
      const why = requirement.test(facts);
      return why === null ? [] : [{ condition, why }];
    });
  });
}

function deny(rule: string, reason: string): Decision {
  return { kind: "deny", rule, reason };
}
