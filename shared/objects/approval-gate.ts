import type { EntityReference } from "../call/entity-reference.ts";
import type { PreviewedChange } from "../call/proposal.ts";
import type { JsonValue } from "../encoding/json.ts";
import { openObject } from "./open-object.ts";

/** What an approval is bound to, beside its person: change any of it, and it is another call. */
export interface ApprovalBinding {
  clientId: string;
  /** The OAuth grant behind the token: an app that was disconnected and comes back asks anew. */
  grantId: string;
  server: string;
  tool: string;
  /** SHA-256 of the canonical arguments as the tool gets them (RFC 8785): 64 hexadecimal digits. */
  argumentsDigest: string;
  /** SHA-256 of the policy's document: the same rules under another number are still the same rules. */
  policyDigest: string;
  /** The place in the policy that asks for the approval. It names the person's role too. */
  rule: string;
  /** Tools besides this one whose rules ask too: what takes a change back needs the right to make it. */
  alsoFor?: string[];
  /** SHA-256 of what the call would change, where its tool says so: records with their values now and then. */
  previewDigest?: string;
}

/** The tools that a person must be entitled to approve, to approve this call. */
export function toolsOf({ tool, alsoFor = [] }: ApprovalBinding): string[] {
  return [tool, ...alsoFor];
}

/** The arguments as a page may show them. */
export interface ShownArguments {
  /** By name, without secrets. */
  values: Record<string, JsonValue>;
  /** The records behind ids among them; requests from before this was kept have none. */
  subjects?: EntityReference[];
  /** Names that were left out and filled in from the session's defaults. */
  inherited: string[];
  /** What the call would change, where its tool says so. */
  preview?: PreviewedChange[];
  /** SHA-256 of each value by its name, to tell what differs from one request to the next. */
  digests: Record<string, string>;
}

/** What a call asks of its person's object when it needs approval. */
export interface ApprovalRequest {
  userId: string;
  /** The role that the decision was made for. */
  role: string;
  callId: string;
  binding: ApprovalBinding;
  /** The rule's own sentence. */
  reason: string;
  selfApproval: boolean;
  /** How long a request lives that has to be made. */
  expiresMinutes: number;
  /** Roles that may approve it under the policy in force; isolates of the release before name none. */
  approverRoles?: string[];
  shown: ShownArguments;
}

/** `approved` is said once: with the answer the approval is used up. `refused` and `expired` are said once as well. */
export type ApprovalAnswer =
  | { state: "approved" }
  | { state: "pending"; approvalId: string; expiresAt: number }
  | { state: "refused"; reason: string | null }
  | { state: "expired" }
  /** Whoever approved it is not active any more, or may not approve such a call any more. Said once. */
  | { state: "approver_changed" }
  /** So many requests of this person are open that no other is taken. */
  | { state: "full"; open: number }
  /** The grant or the person ended, or nobody knows whether they did. */
  | { state: "access_ended" }
  | { state: "unavailable" }
  /** The person's role is another one than the decision was made for. */
  | { state: "role_changed" };

/** How far a request has come. `executed` is running; `returned` has ended, well or not. */
export type ApprovalState = "pending" | "approved" | "refused" | "expired" | "executed" | "returned";

/** What differs from the last request that the same app made for the same tool. */
export interface Differences {
  /** No request came before this one. */
  first: boolean;
  /** Names of arguments with another value than before, or that were not there. */
  changed: string[];
  /** Names that were there before. */
  missing: string[];
}

/** One request for approval as its pages see it. Times are milliseconds since the epoch. */
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
  /** How the call ended that used it. */
  outcome: string | null;
  /** `null` some time after the end. */
  shown: (Omit<ShownArguments, "digests"> & { differences: Differences }) | null;
  /** The app was disconnected since. */
  disconnected: boolean;
}

/** A person's word on a request. */
export interface ApprovalDecision {
  approvalId: string;
  /** User id. */
  by: string;
  granted: boolean;
  /** The person's own words, for whoever asked. */
  reason: string | null;
  /** The policy by which the person may decide. */
  policyDigest: string;
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

/** What approvals need of the requester's Principal object. `workers/objects/principal` implements it. */
export interface ApprovalGate {
  /** Uses an approval up, or says what stands in the way; makes a request when there is none. One turn. */
  claimApproval(claim: ApprovalRequest): Promise<ApprovalAnswer>;
  /** Returns when a pending request is decided or ends, and at the latest after `timeoutMs`. */
  awaitApproval(approvalId: string, timeoutMs: number): Promise<void>;
  /** Gives back what a call claimed that stopped to ask its person something before it did anything. */
  releaseApproval(callId: string): Promise<void>;
  readApproval(approvalId: string): Promise<ApprovalItem | null>;
  decideApproval(decision: ApprovalDecision): Promise<DecisionResult>;
}

/** The approvals of one person's apps, in the person's object. */
export function approvalGate(env: Env, userId: string): ApprovalGate {
  return openObject<ApprovalGate>(env, env.PRINCIPAL, userId, [
    "awaitApproval",
    "releaseApproval",
    "readApproval",
  ]);
}
