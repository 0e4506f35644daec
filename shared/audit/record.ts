/** Chain of events without a signed-in user. User ids have no colon, so it can never be a user's. */
export const ANONYMOUS_CHAIN = "gatehouse:strangers";

/** Chain of administrators' actions. */
export const ADMINISTRATION = "gatehouse:administration";
/** Chain of policy changes. */
export const POLICY_CHAIN = "gatehouse:policy";

/** Caller, subject, origin and decision of a call. Written before the call runs. */
export interface CallDetails {
  /** UUID. Joins an intent with its outcome, and both with the log lines. */
  callId: string;
  /** W3C trace id, 32 hex digits. */
  traceId: string;
  /** Milliseconds since the epoch, by the clock of the Worker that began the call. */
  startedAt: number;
  clientId: string;
  sessionId: string | null;
  /** `webhook`: a delivery to the receiver of a subscription. */
  lane: "sessionful" | "stateless" | "webhook";
  /** `event`: a subscription, a look at events, or one delivery to a receiver. */
  kind: "tool" | "resource" | "prompt" | "event";
  server: string;
  name: string;
  ip: string | null;
  /** ISO 3166-1 alpha-2. */
  country: string | null;
  /** The deciding policy: version and first 16 digits of its digest, such as `3:9f86d081884c7d65`. */
  policy: string;
  /** The deciding rule's path in the policy, such as `roles.sales.allowed_tools[2]`. */
  rule: string;
  /** Known top-level arguments, each with the JSON type that the client sent. Never a value. */
  arguments: Readonly<Record<string, string>>;
  /** Number of unknown top-level arguments. Their names are the caller's text and are not stored. */
  unknownArguments: number;
  /** SHA-256 of the canonical full arguments as the client sent them (RFC 8785), before session defaults. */
  argumentsDigest: string;
}

/** An admitted call. In the chain before the call runs. */
export interface IntentEvent extends CallDetails {
  type: "intent";
  decision: "allow";
}

/**
 * A call that was refused by role (`deny`), or because a scope (`scope`) or a fresh second factor (`mfa`) is
 * missing. It did not run.
 */
export interface DenialEvent extends CallDetails {
  type: "denial";
  decision: "deny" | "scope" | "mfa";
}

/** How an admitted call ended. `unknown`: no outcome arrived. */
export interface OutcomeEvent {
  type: "outcome";
  callId: string;
  status: "ok" | "failed" | "input_required" | "unknown";
  /** Error code of a failed call. */
  error: string | null;
  durationMs: number;
  bytes: number;
  /** Something in the answer comes from the cache of a connection: still fresh, or stale. Absent without one. */
  cached?: "fresh" | "stale";
}

/**
 * One step of an approval, in the chain of the requester: requested, decided, ended unused, used by the call
 * that runs, and the outcome of that call. None of them contains an argument.
 */
export type ApprovalEvent = {
  approvalId: string;
  clientId: string;
  server: string;
  tool: string;
  /** SHA-256 of the canonical arguments as the tool gets them (RFC 8785), session defaults included. */
  argumentsDigest: string;
  policyDigest: string;
  /** Path of the rule that required the approval. */
  rule: string;
} & (
  | { type: "approval_requested"; callId: string; expiresAt: number }
  /** `standing`: the standing approval that granted it in place of a person. */
  | { type: "approval_granted" | "approval_refused"; by: string; standing?: string }
  | { type: "approval_expired" }
  | { type: "approval_executed"; callId: string }
  | { type: "approval_returned"; callId: string; status: string }
);

/** A standing approval was made or revoked, in the chain of the requester. Contains no argument's value. */
export interface StandingEvent {
  type: "standing_approval";
  change: "made" | "revoked";
  standingId: string;
  by: string;
  clientId: string;
  server: string;
  tool: string;
  rule: string;
  policyDigest: string;
  /** Most calls, and the end in milliseconds since the epoch. */
  calls: number;
  until: number;
  /** By argument: that it stays the same, may be anything, or between which numbers it may be. */
  bounds: Readonly<Record<string, string>>;
}

/**
 * A subscription to events began or ended. The host is where its deliveries go: a path may hold a secret. Each delivery
 * is an intent and an outcome of its own, whose `sessionId` is the subscription's id.
 */
export interface SubscriptionEvent {
  type: "event_subscription";
  change: "begun" | "ended";
  subscriptionId: string;
  clientId: string;
  server: string;
  name: string;
  host: string;
  /** Why it ended. */
  reason:
    | "unsubscribed"
    | "ended_on_page"
    | "expired"
    | "access_revoked"
    | "not_allowed"
    | "event_removed"
    | "erased"
    | null;
}

/** An event of a user's second factor. `new_codes` replaces all backup codes; `lent` gives a fresh one to an app. */
export type SecondFactorStep =
  | "asked"
  | "passed"
  | "failed"
  | "started"
  | "enrolled"
  | "new_codes"
  | "turned_off"
  | "lent";

/** A user's action on the pages, with its origin. Contains no typed address, password or token. */
export type PageEvent = {
  ip: string | null;
  country: string | null;
} /** `provider`: name of the provider of single sign-on; absent for a password. */ & (
  | { type: "sign_in"; succeeded: boolean; provider?: string }
  | { type: "sign_out" }
  /**
   * `asked` after a correct password, `passed` and `failed` for a code, `enrolled` when the factor becomes
   * active.
   */
  | { type: "second_factor"; step: SecondFactorStep; grantId?: string }
  | { type: "consent"; given: boolean; clientId: string; resource: string; scopes: string[] }
  | { type: "revocation"; grantId: string }
  /** `link`: the password was chosen with one, without the old password. */
  | { type: "password_change"; succeeded: boolean; link?: "invitation" | "reset" }
  /** An own API key. `keyId` is the client of its calls. */
  | { type: "key_change"; change: "created" | "rotated" | "revoked"; keyId: string }
  /** An account of their own at a connection; never a token. */
  | { type: "account_connection"; connection: string; change: "connected" | "disconnected" }
  /** A file on its way to (`in`) or from (`out`) a connected system: filled or taken with its ticket. */
  | { type: "file_transfer"; connection: string; direction: "in" | "out"; bytes: number }
  | { type: "approval_decision"; granted: boolean; approvalId: string; requester: string; tool: string }
  | {
      type: "standing_decision";
      change: "made" | "revoked";
      standingId: string;
      requester: string;
      tool: string;
    }
);

/** An app's action at the OAuth endpoints, with its origin. Contains no self-chosen name and no token. */
export type ClientEvent = { ip: string | null; country: string | null } & (
  | { type: "client_registration"; clientId: string }
  /** A used refresh token was presented again, so its grant was ended (RFC 9700 §4.14.2). */
  | { type: "token_reuse"; grantId: string; clientId: string | null }
  /**
   * Another system vouched, and a token was given: for a `workload` as the service account `clientId`, or for the person
   * of this chain in the app `clientId` (`id_jag`). Issuer and subject are as it signed them.
   */
  | { type: "assertion"; by: "workload" | "id_jag"; clientId: string; issuer: string; subject: string }
);

/** Another version of the policy was put in force. In the chain {@link POLICY_CHAIN}. */
export interface PolicyChangeEvent {
  type: "policy_change";
  /** 1, 2, 3 … */
  publication: number;
  /** The previous version. */
  from: number;
  to: number;
  /** SHA-256 of the document of `to`. */
  digest: string;
  /** The publisher, as given to the command. */
  by: string;
  note: string;
  /** Milliseconds since the epoch. */
  publishedAt: number;
}

/**
 * An administrator's action, in the chain {@link ADMINISTRATION}. `by` is the command or page that performed
 * it.
 */
export type AdminEvent = { by: string } & (
  | {
      type: "person_change";
      userId: string;
      change:
        | "added"
        | "role"
        | "disabled"
        | "enabled"
        | "removed"
        | "second_factor_reset"
        | "password_link"
        | "identity_removed";
      /** `null` for a new user. */
      oldRole: string | null;
      /** `null` for a removed user. */
      newRole: string | null;
    }
  /** A command changed an API key of this person. */
  | {
      type: "person_key_change";
      userId: string;
      change: "created" | "rotated" | "revoked";
      keyId: string;
    }
  /** A team (`userId`) got or lost a member who is named, stopped with its last one, or started with another. */
  | {
      type: "team_change";
      userId: string;
      change: "member_added" | "member_removed" | "stopped" | "started";
      member: string | null;
    }
  /** `userId` is `null` for a hold on all users. */
  | { type: "hold"; userId: string | null; held: boolean; reason: string }
  | { type: "data_export"; userId: string }
  /** Messages that could not be read were delivered again: how many were stored, and how many still cannot be read. */
  | { type: "redrive"; delivered: number; unreadable: number }
  /** A password of a connection was set or removed; never the password. */
  | { type: "connection_secret"; secret: string; version: number; removed: boolean }
  /** What a connected system offers was approved or refused, or an approval taken back; `digest` is that of the list. */
  | {
      type: "connection_review";
      connection: string;
      decision: "approved" | "withdrawn" | "refused";
      count: number;
      digest: string;
    }
  /** An open session, task or subscription of this person was ended, or an app of theirs disconnected. */
  | { type: "work_ended"; userId: string; kind: "session" | "task" | "subscription" | "app"; id: string }
  /** Targets are not told of these alerts for a while (`until` in milliseconds since the epoch), or again. */
  | {
      type: "alert_silence";
      change: "begun" | "ended";
      alert: string;
      subject: string | null;
      until: number;
      reason: string;
    }
  /** Number of removed items by kind; also the last event of the user's own chain. */
  | { type: "erasure"; userId: string; removed: Readonly<Record<string, number>> }
);

/**
 * What another system tried and Gatehouse refused: `address` a request elsewhere than allowed, by address or redirect;
 * `secret` a form that asks for one; `page` an address for the person that is not public; `question` one without a valid
 * form; `not_allowed` a question that the connection does not pass on; `instructions` an answer that reads like orders to a
 * model; `changed_tool` a call of a tool that is off since it changed; `shadowing` a definition with a name of another;
 * `other_address` a token for another address than its person agreed to; `metadata` false metadata of a server;
 * `mix_up` an answer of another authorization server, or to another question; `callback` one that no browser waits for.
 */
export type ConnectionAttempt =
  | "address"
  | "secret"
  | "page"
  | "question"
  | "not_allowed"
  | "instructions"
  | "changed_tool"
  | "shadowing"
  | "other_address"
  | "metadata"
  | "mix_up"
  | "callback";

/** Another system tried something that was refused: in the chain of the person who met it, or of {@link ADMINISTRATION}. */
export interface ConnectionRefusalEvent {
  type: "connection_refusal";
  connection: string;
  attempt: ConnectionAttempt;
  /** Trace of the call; `null` on a page or in a command. */
  traceId: string | null;
}

/** Every event that is recorded. */
export type AuditEvent =
  | IntentEvent
  | DenialEvent
  | OutcomeEvent
  | ApprovalEvent
  | StandingEvent
  | SubscriptionEvent
  | PageEvent
  | ClientEvent
  | AdminEvent
  | ConnectionRefusalEvent
  | PolicyChangeEvent;

/**
 * One record of a chain, exactly as it is hashed. It contains a commitment instead of the event, so that the
 * event can be removed after its retention while the chain stays verifiable.
 */
export interface AuditRecord {
  /** Version of this format. Version 1 contained the event itself, as `event`, and no commitment. */
  version: 2;
  /** Opaque id of the user, {@link ANONYMOUS_CHAIN}, {@link ADMINISTRATION} or {@link POLICY_CHAIN}. */
  chain: string;
  /** 1, 2, 3 … without gaps. */
  sequence: number;
  /** Hash of the previous record; {@link NO_RECORD} for the first. */
  previous: string;
  /**
   * Milliseconds since the epoch, by the clock of the user's Principal object. Never less than the previous
   * record's.
   */
  at: number;
  /** Type of the event. It decides the retention of the event, and stays after the event is removed. */
  type: AuditEvent["type"];
  /** See `commitTo` in `commitment.ts`. */
  commitment: string;
}

/** Takes the place of the previous hash in the first record. */
export const NO_RECORD = "0".repeat(64);
