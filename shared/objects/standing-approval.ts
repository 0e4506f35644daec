/** What a standing approval says of one argument. */
export type ArgumentBound =
  /** Exactly the value of the request that it was made from: the SHA-256 of its canonical JSON. */
  | { kind: "same"; digest: string }
  /** A number, both ends included. */
  | { kind: "range"; least: number; most: number }
  /** Any value, or none. */
  | { kind: "any" };

/** What a rule of the policy allows of standing approvals. A rule that says nothing allows none. */
export interface StandingRule {
  /** Most calls of one of them. */
  calls: number;
  /** Most days from its making on. */
  days: number;
}

/**
 * Approves further calls of one app for one tool in place of a person: this requester, these bounds for every argument,
 * this many times, until. It ends with whatever ends an approval: the policy, the requester's role, the app's grant, the
 * approver's entitlement.
 */
export interface StandingApproval {
  id: string;
  requester: string;
  clientId: string;
  grantId: string;
  server: string;
  tool: string;
  rule: string;
  policyDigest: string;
  /** Of the requester's role when it was made. */
  roleRevision: number;
  /** By argument. A call with any other argument is not covered. */
  bounds: Readonly<Record<string, ArgumentBound>>;
  /** User id of the approver. */
  by: string;
  /** Milliseconds since the epoch. */
  madeAt: number;
  until: number;
  /** Calls that it approves, and those that it has approved. */
  calls: number;
  used: number;
  /** When it was revoked; `null` while it is not. */
  revokedAt: number | null;
}

/** What an approver asks for, from one waiting request. */
export interface StandingRequest {
  id: string;
  approvalId: string;
  by: string;
  /** By argument; one that is left out stays the same. */
  bounds: Readonly<Record<string, Exclude<ArgumentBound, { kind: "same" }>>>;
  calls: number;
  until: number;
  /** The policy that entitles the approver. */
  policyDigest: string;
}

/** Result of making one. `wider`: it asks for more than the rule allows, or bounds an argument that is not there. */
export type StandingResult =
  | "made"
  | "unknown"
  | "closed"
  | "policy_changed"
  | "disconnected"
  | "own"
  | "wider"
  | "full";

/** The call that may be covered: what it is bound to, and its arguments. */
export interface CoveredCall {
  clientId: string;
  grantId: string;
  server: string;
  tool: string;
  rule: string;
  policyDigest: string;
  roleRevision: number;
  /** What the rule in force allows; `null` for nothing. */
  allowed: StandingRule | null;
  /** SHA-256 of each value by argument. */
  digests: Readonly<Record<string, string>>;
  /** The arguments that are numbers. */
  numbers: Readonly<Record<string, number>>;
}

const DAY_MS = 24 * 60 * 60_000;

/**
 * Whether a standing approval covers a call at `now`. Pure. It never covers what the rule in force does not allow to be
 * approved in advance: calls and days are compared with the rule at every call.
 */
export function coversCall(standing: StandingApproval, call: CoveredCall, now: number): boolean {
  const { allowed } = call;
  if (allowed === null || standing.revokedAt !== null) return false;
  if (standing.used >= Math.min(standing.calls, allowed.calls)) return false;
  // A clock that jumped back before its making: how old it is, is not known.
  if (now < standing.madeAt || now >= Math.min(standing.until, standing.madeAt + allowed.days * DAY_MS))
    return false;
  const bound = ["clientId", "grantId", "server", "tool", "rule", "policyDigest", "roleRevision"] as const;
  if (bound.some((name) => standing[name] !== call[name])) return false;
  const names = new Set([...Object.keys(standing.bounds), ...Object.keys(call.digests)]);
  return [...names].every((name) =>
    fits(own(standing.bounds, name), own(call.digests, name), own(call.numbers, name)),
  );
}

function fits(
  bound: ArgumentBound | undefined,
  digest: string | undefined,
  number: number | undefined,
): boolean {
  switch (bound?.kind) {
    case "same":
      return digest === bound.digest;
    case "range":
      return digest !== undefined && number !== undefined && number >= bound.least && number <= bound.most;
    case "any":
      return true;
    default:
      return false;
  }
}

function own<T>(record: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}
