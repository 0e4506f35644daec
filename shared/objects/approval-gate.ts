import type { EntityReference } from "../call/entity-reference.ts";
import type { Met } from "../call/flow-labels.ts";
import type { PreviewedChange } from "../call/proposal.ts";
import type { JsonValue } from "../encoding/json.ts";
import { openObject } from "./open-object.ts";
import type { StandingApproval, StandingRequest, StandingResult, StandingRule } from "./standing-approval.ts";

/**
 * What an approval is bound to, in addition to its user: a call that differs in any of it needs another
 * approval.
 */
export interface ApprovalBinding {
  clientId: string;
  /** The OAuth grant behind the token: after reconnecting, an app needs a new approval. */
  grantId: string;
  server: string;
  tool: string;
  /** SHA-256 of the canonical arguments as the tool gets them (RFC 8785): 64 hexadecimal digits. */
  argumentsDigest: string;
  /** SHA-256 of the policy's document, so that the same rules under another version number still match. */
  policyDigest: string;
  /** The rule that requires the approval. Its path names the user's role too. */
  rule: string;
  /** Further tools whose rules require approval: undoing a change needs the permission to make it. */
  alsoFor?: string[];
  /** SHA-256 of the preview, if the tool has one: records with their values before and after. */
  previewDigest?: string;
}

/** The tools that an approver of this call must be entitled to approve. */
export function toolsOf({ tool, alsoFor = [] }: ApprovalBinding): string[] {
  return [tool, ...alsoFor];
}

/** The arguments as a page may show them. */
export interface ShownArguments {
  /** By name, without secrets. */
  values: Record<string, JsonValue>;
  /** The records behind the ids; absent in requests stored by earlier releases. */
  subjects?: EntityReference[];
  /** Names of omitted arguments that session defaults filled in. */
  inherited: string[];
  /** What the session had read before; absent in requests stored by earlier releases. */
  met?: Met[];
  /** The changes that the call would make, if its tool has a preview. */
  preview?: PreviewedChange[];
  /** SHA-256 of each value by name, to show what differs between two requests. */
  digests: Record<string, string>;
}

/** What a call that needs approval asks of the user's Principal object. */
export interface ApprovalRequest {
  userId: string;
  /** The role used for the decision. */
  role: string;
  callId: string;
  binding: ApprovalBinding;
  /** The rule's own sentence. */
  reason: string;
  selfApproval: boolean;
  /** Minutes until a new request expires. */
  expiresMinutes: number;
  /**
   * Roles that may approve the call under the policy in force; isolates of the previous release send none.
   */
  approverRoles?: string[];
  /** What the rule allows to be approved in advance; isolates of the previous release send none. */
  standing?: StandingRule | null;
  /** The arguments that are numbers, for the bounds of standing approvals. Never stored. */
  numbers?: Record<string, number>;
  shown: ShownArguments;
}

/**
 * `approved` is returned once: it consumes the approval. `refused` and `expired` are returned once as well.
 */
export type ApprovalAnswer =
  | { state: "approved" }
  | { state: "pending"; approvalId: string; expiresAt: number }
  | { state: "refused"; reason: string | null }
  | { state: "expired" }
  /** The approver is no longer active, or may no longer approve such a call. Returned once. */
  | { state: "approver_changed" }
  /** The user has too many open requests. */
  | { state: "full"; open: number }
  /** The grant or the user has ended, or their state is unknown. */
  | { state: "access_ended" }
  | { state: "unavailable" }
  /** The user's role differs from the one used for the decision. */
  | { state: "role_changed" };

/**
 * State of a request. `executed` means the call is running, `returned` that it has ended, with success or
 * not.
 */
export type ApprovalState = "pending" | "approved" | "refused" | "expired" | "executed" | "returned";

/** Differences from the previous request of the same app for the same tool. */
export interface Differences {
  /** There was no previous request. */
  first: boolean;
  /** Names of new arguments and of arguments with another value. */
  changed: string[];
  /** Names of arguments that only the previous request had. */
  missing: string[];
}

/** One request for approval, as its pages see it. Times are milliseconds since the epoch. */
export interface ApprovalItem {
  approvalId: string;
  requester: string;
  binding: ApprovalBinding;
  reason: string;
  selfApproval: boolean;
  state: ApprovalState;
  askedAt: number;
  expiresAt: number;
  decision: { by: string; granted: boolean; reason: string | null; at: number } | null;
  /** How the approved call ended. */
  outcome: string | null;
  /** Deleted some time after the end. */
  shown: (Omit<ShownArguments, "digests"> & { differences: Differences }) | null;
  /** The user has disconnected the app since. */
  disconnected: boolean;
  /** What the rule allows to be approved in advance; absent in requests of earlier releases. */
  standing?: StandingRule | null;
  /**
   * Ids of the people who acted for the requester when it was asked, as members of a team or makers of its key: they do
   * not approve it, also when they have left since. Absent in requests of earlier releases.
   */
  holders?: readonly string[];
}

/** The approver's decision on a request. */
export interface ApprovalDecision {
  approvalId: string;
  /** User id. */
  by: string;
  granted: boolean;
  /** The approver's own words, for the requester. */
  reason: string | null;
  /** The policy that entitles the approver. */
  policyDigest: string;
}

/** A decided request, as the app that asked may know of it. */
export interface DecidedApproval {
  id: string;
  at: number;
  server: string;
  tool: string;
  granted: boolean;
  reason: string | null;
}

/** Whether a decision counts, and if not, why. */
export type DecisionResult =
  | "recorded"
  | "unknown"
  | "closed"
  | "expired"
  | "policy_changed"
  | "disconnected"
  | "own";

/** The approval methods of the requester's Principal object. Implemented in `workers/objects/principal`. */
export interface ApprovalGate {
  /** Consumes an approval, or returns why there is none, creating a request if necessary. Atomic. */
  claimApproval(claim: ApprovalRequest): Promise<ApprovalAnswer>;
  /** Resolves when a pending request is decided or ends, at the latest after `timeoutMs`. */
  awaitApproval(approvalId: string, timeoutMs: number): Promise<void>;
  /** Returns the approval of a call that stopped to ask the user before it changed anything. */
  releaseApproval(callId: string): Promise<void>;
  readApproval(approvalId: string): Promise<ApprovalItem | null>;
  decideApproval(decision: ApprovalDecision): Promise<DecisionResult>;
  /** Requests of an app that a person decided at a time (milliseconds since the epoch) or after it, in that order. */
  listDecided(clientId: string, since: number): Promise<DecidedApproval[]>;
  /** Makes a standing approval from a waiting request, which it approves as well. The same id makes one once. */
  makeStanding(request: StandingRequest): Promise<StandingResult>;
  readStanding(id: string): Promise<StandingApproval | null>;
  /** Ends a standing approval. Returns whether it was there and not ended. */
  revokeStanding(id: string, by: string): Promise<boolean>;
}

/** The approvals of one user's apps, in the user's Principal object. */
export function approvalGate(env: Env, userId: string): ApprovalGate {
  return openObject<ApprovalGate>(env, env.PRINCIPAL, userId, [
    "awaitApproval",
    "releaseApproval",
    "readApproval",
    "listDecided",
    "readStanding",
  ]);
}
