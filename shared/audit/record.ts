/** The chain of what nobody signed in did. User ids have no colon, so it can never be a person's. */
export const STRANGERS = "gatehouse:strangers";

/** Who called what, from where, and what was decided. Written before a call runs. */
export interface CallDetails {
  /** UUID. Joins an intent with its outcome, and both with the log lines. */
  callId: string;
  /** W3C trace id, 32 hex digits. */
  traceId: string;
  /** Milliseconds since the epoch, by the clock of the Worker that began the call. */
  startedAt: number;
  clientId: string;
  sessionId: string | null;
  lane: "sessionful" | "stateless";
  kind: "tool" | "resource" | "prompt";
  server: string;
  name: string;
  ip: string | null;
  /** ISO 3166-1 alpha-2. */
  country: string | null;
  /** The place in the policy that decided, such as `roles.sales.allowed_tools[2]`. */
  rule: string;
  /** Top-level arguments that the schema knows, each with the JSON type it came with. Never a value. */
  arguments: Readonly<Record<string, string>>;
  /** How many top-level arguments the schema does not know. Their names are the caller's text, and are not kept. */
  unknownArguments: number;
  /** SHA-256 of the canonical full arguments as the client sent them (RFC 8785), before session defaults. */
  argumentsDigest: string;
}

/** A call that was admitted. In the chain before anything runs. */
export interface IntentEvent extends CallDetails {
  type: "intent";
  decision: "allow";
}

/** A call that was refused by role (`deny`) or for want of a scope (`scope`). Nothing ran. */
export interface DenialEvent extends CallDetails {
  type: "denial";
  decision: "deny" | "scope";
}

/** How an admitted call ended. `unknown`: nobody ever said. */
export interface OutcomeEvent {
  type: "outcome";
  callId: string;
  status: "ok" | "failed" | "input_required" | "unknown";
  /** Error code of a failed call. */
  error: string | null;
  durationMs: number;
  bytes: number;
}

/**
 * One step of an approval, in the chain of the person whose app called: asked for, decided by somebody, ended without
 * use, used by the call that runs, and what came of that call. None of them holds an argument.
 */
export type ApprovalEvent = {
  approvalId: string;
  clientId: string;
  server: string;
  tool: string;
  /** SHA-256 of the canonical arguments as the tool gets them (RFC 8785): session defaults are in it. */
  argumentsDigest: string;
  policyVersion: number;
  /** The place in the policy that asked for approval. */
  rule: string;
} & (
  | { type: "approval_requested"; callId: string; expiresAt: number }
  | { type: "approval_granted" | "approval_refused"; by: string }
  | { type: "approval_expired" }
  | { type: "approval_executed"; callId: string }
  | { type: "approval_returned"; callId: string; status: string }
);

/** What a person did on the pages, and from where. No address that was typed, no password, no token. */
export type PageEvent = { ip: string | null; country: string | null } & (
  | { type: "sign_in"; succeeded: boolean }
  | { type: "consent"; given: boolean; clientId: string; resource: string; scopes: string[] }
  | { type: "revocation"; grantId: string }
  | { type: "password_change"; succeeded: boolean }
  | { type: "approval_decision"; granted: boolean; approvalId: string; requester: string; tool: string }
);

/** Everything that is recorded. */
export type AuditEvent = IntentEvent | DenialEvent | OutcomeEvent | ApprovalEvent | PageEvent;

/** One record of a chain, exactly as it is hashed. */
export interface AuditRecord {
  /** Version of this format. */
  version: 1;
  /** Opaque id of the user, or {@link STRANGERS}. */
  chain: string;
  /** 1, 2, 3 … without gaps. */
  sequence: number;
  /** Hash of the record before; {@link NO_RECORD} for the first. */
  previous: string;
  /** Milliseconds since the epoch, by the clock of the user's Principal object. Never less than the record before. */
  at: number;
  event: AuditEvent;
}

/** What stands for the hash before the first record. */
export const NO_RECORD = "0".repeat(64);
