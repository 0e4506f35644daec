/** The chain of what nobody signed in did. User ids have no colon, so it can never be a person's. */
export const ANONYMOUS_CHAIN = "gatehouse:strangers";

/** The chain of what administrators did. */
export const ADMINISTRATION = "gatehouse:administration";
/** The chain of what was done to the policy. */
export const POLICY_CHAIN = "gatehouse:policy";

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
  /** The policy that decided: version and first 16 digits of its digest, such as `3:9f86d081884c7d65`. */
  policy: string;
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

/** A call that was refused by role (`deny`), for want of a scope (`scope`) or of a fresh second factor (`mfa`). Nothing ran. */
export interface DenialEvent extends CallDetails {
  type: "denial";
  decision: "deny" | "scope" | "mfa";
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
  policyDigest: string;
  /** The place in the policy that asked for approval. */
  rule: string;
} & (
  | { type: "approval_requested"; callId: string; expiresAt: number }
  | { type: "approval_granted" | "approval_refused"; by: string }
  | { type: "approval_expired" }
  | { type: "approval_executed"; callId: string }
  | { type: "approval_returned"; callId: string; status: string }
);

/** What happened to a person's second factor. `new_codes` replaces all backup codes. */
export type SecondFactorStep =
  | "asked"
  | "passed"
  | "failed"
  | "started"
  | "enrolled"
  | "new_codes"
  | "turned_off";

/** What a person did on the pages, and from where. No address that was typed, no password, no token. */
export type PageEvent = { ip: string | null; country: string | null } & (
  | { type: "sign_in"; succeeded: boolean }
  | { type: "sign_out" }
  /** `asked` after a right password, `passed` and `failed` for a code, `enrolled` when one counts from now on. */
  | { type: "second_factor"; step: SecondFactorStep }
  | { type: "consent"; given: boolean; clientId: string; resource: string; scopes: string[] }
  | { type: "revocation"; grantId: string }
  | { type: "password_change"; succeeded: boolean }
  | { type: "approval_decision"; granted: boolean; approvalId: string; requester: string; tool: string }
);

/** What an app did at the OAuth endpoints, and from where. No name that it gave itself, no token. */
export type ClientEvent = { ip: string | null; country: string | null } & (
  | { type: "client_registration"; clientId: string }
  /** A refresh token that was used up came back, so its grant was ended (RFC 9700 §4.14.2). */
  | { type: "token_reuse"; grantId: string; clientId: string | null }
);

/** Another version of the policy was put in force. In the chain {@link POLICY_CHAIN}. */
export interface PolicyChangeEvent {
  type: "policy_change";
  /** 1, 2, 3 … */
  publication: number;
  /** The version before. */
  from: number;
  to: number;
  /** SHA-256 of the document of `to`. */
  digest: string;
  /** Who published, as they named themselves to the command. */
  by: string;
  note: string;
  /** Milliseconds since the epoch. */
  publishedAt: number;
}

/** What an administrator did, in the chain {@link ADMINISTRATION}. `by` is the command or page that did it. */
export type AdminEvent = { by: string } & (
  | {
      type: "person_change";
      userId: string;
      change: "added" | "role" | "disabled" | "enabled" | "removed" | "second_factor_reset";
      /** `null` for somebody who was not there before. */
      oldRole: string | null;
      /** `null` for somebody who is not there any more. */
      newRole: string | null;
    }
  /** `userId` is `null` for a hold on everybody. */
  | { type: "hold"; userId: string | null; held: boolean; reason: string }
  | { type: "data_export"; userId: string }
  /** How many of what went; also the last event of the person's own chain. */
  | { type: "erasure"; userId: string; removed: Readonly<Record<string, number>> }
);

/** Everything that is recorded. */
export type AuditEvent =
  | IntentEvent
  | DenialEvent
  | OutcomeEvent
  | ApprovalEvent
  | PageEvent
  | ClientEvent
  | AdminEvent
  | PolicyChangeEvent;

/**
 * One record of a chain, exactly as it is hashed. It does not hold its event but a commitment to it, so the event can
 * be removed when its time is over while the chain stays verifiable.
 */
export interface AuditRecord {
  /** Version of this format. In version 1 the event itself stood here, as `event`, and there was no commitment. */
  version: 2;
  /** Opaque id of the user, {@link ANONYMOUS_CHAIN}, {@link ADMINISTRATION} or {@link POLICY_CHAIN}. */
  chain: string;
  /** 1, 2, 3 … without gaps. */
  sequence: number;
  /** Hash of the record before; {@link NO_RECORD} for the first. */
  previous: string;
  /** Milliseconds since the epoch, by the clock of the user's Principal object. Never less than the record before. */
  at: number;
  /** Type of the event: what decides how long the event is kept, also after it is gone. */
  type: AuditEvent["type"];
  /** See `commitTo` in `commitment.ts`. */
  commitment: string;
}

/** What stands for the hash before the first record. */
export const NO_RECORD = "0".repeat(64);
