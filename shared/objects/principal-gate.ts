import type { AuditEvent, CallDetails } from "../audit/record.ts";
import type { Met } from "../call/flow-labels.ts";
import type { JsonValue } from "../encoding/json.ts";
import type { MemoryRules } from "../policy/flow/information-flow.ts";
import type { PolicyReference } from "../policy/reference.ts";
import type { ContextOperation, ResultHandle, SessionContext } from "../session/context.ts";
import type { Bookmarks } from "../session/database-sessions.ts";
import type { ResultPage } from "../session/session-memory.ts";
import type { Access, AdmissionRequest, Meeting, Refusal } from "./admission-request.ts";
import { openObject } from "./open-object.ts";

/** The record written before a call runs. */
export interface Intent extends CallDetails {
  userId: string;
}

/**
 * The Principal object's answer to an intent. `context` saves stateless clients a second round trip. `role`
 * and `policy` are the current ones, whatever the token or request began with.
 */
export type Admission =
  | {
      admitted: true;
      context: SessionContext | null;
      role: string;
      policy: PolicyReference;
      /** Running calls of the user, this one included. */
      running: number;
      /** What the session had met before this call. Objects of the release before send none. */
      met?: readonly Met[];
      /** What the person has written lately: reads of replicas begin with it. */
      bookmarks?: Bookmarks;
      /** The state that the call came with was used before: its answers do not count again. */
      stateSpent?: boolean;
    }
  | { admitted: false; refusal: Refusal };

/** The answer to an admitted intent. */
export type Admitted = Extract<Admission, { admitted: true }>;

/** The user's current role and policy, whatever the token or request began with. */
export interface Rights {
  role: string;
  /** The policy in force. */
  policy: PolicyReference;
}

/** Access status of a request other than a tool call. */
export interface AccessStatus {
  ended: boolean;
  /** Whole seconds until the next request fits the limit; 0 if this one does. */
  retryAfter: number;
  /** `null` if the rights are unknown. */
  rights: Rights | null;
}

/** The rights by which deliveries were decided and masked. */
export interface KnownRights {
  role: string;
  /** Publication number of the policy. */
  publication: number;
}

/**
 * The answer to deliveries that are about to be sent: `admitted` after their intents are durable. `changed`: decide
 * again by these rights. `unknown`: the platform database is away.
 */
export type DeliveryAdmission =
  | { state: "admitted" | "ended" | "unknown" }
  | { state: "changed"; rights: Rights };

/** The Principal object as the guard uses it. Implemented in `workers/objects/principal`. */
export interface PrincipalGate {
  /** @param ended - outcomes of earlier calls, applied first because they free slots */
  admit(intent: Intent, claim: AdmissionRequest, ended: readonly Outcome[]): Promise<Admission>;
  settle(ended: readonly Outcome[]): Promise<void>;
  /** What the person's session with an app has met. */
  readMet(clientId: string, rules: MemoryRules): Promise<readonly Met[]>;
  /** Marks what a running call has met beyond the labels of its definition. Durable when it returns. */
  meet(clientId: string, name: string, meeting: Meeting): Promise<void>;
  /** What a call of the person has written: reads of their next calls see it. Durable when it returns. */
  noteBookmarks(bookmarks: Bookmarks): Promise<void>;
  /** Uses a `confirm` value up. Gives `false` when it was used before. */
  spendConfirm(confirm: string): Promise<boolean>;
  /** From now on every call under the grant is refused, whatever copy of a token it comes with. */
  revokeGrant(grantId: string): Promise<void>;
  isGrantRevoked(grantId: string): Promise<boolean>;
  /** Refuses one access token (RFC 7009); its grant continues. */
  revokeToken(tokenId: string): Promise<void>;
  /**
   * Whether grant, token or account has ended, for requests that only list and are not admitted. Writes no
   * record, and reports access as not ended while the platform database is unreachable. Counts against the
   * app's own limit if `countedFor` names the app. Ignores cached rights of a policy older than
   * `publication`.
   */
  checkAccess(
    userId: string,
    access: Access,
    countedFor: string | null,
    publication?: number,
  ): Promise<AccessStatus>;
  /**
   * Checks access and makes the intents of deliveries durable, in one turn: none is sent after its access ended. They
   * count against no limit of calls. The app's session has met in the same turn what they hold.
   */
  admitDeliveries(
    access: Access,
    known: KnownRights,
    intents: readonly Intent[],
    meeting: Meeting,
  ): Promise<DeliveryAdmission>;
  /** Appends an event to a chain of this object. Durable when it returns. */
  record(chain: string, event: AuditEvent): Promise<void>;
  /** {@link record}, unless an event with this key was already recorded here. */
  recordOnce(chain: string, key: string, event: AuditEvent): Promise<void>;
  applyContext(clientId: string, operations: readonly ContextOperation[]): Promise<void>;
  readContext(clientId: string): Promise<SessionContext>;
  keepResult(clientId: string, handle: ResultHandle, rows: readonly JsonValue[]): Promise<void>;
  readResult(clientId: string, handle: string, offset: number, limit: number): Promise<ResultPage | null>;
}

/** The one object of a user. Its name is the opaque user id. */
export function principalGate(env: Env, userId: string): PrincipalGate {
  return openObject<PrincipalGate>(env, env.PRINCIPAL, userId, [
    "revokeGrant",
    "isGrantRevoked",
    "revokeToken",
    "checkAccess",
    "readMet",
    "meet",
    "noteBookmarks",
    "recordOnce",
    "readContext",
    "readResult",
  ]);
}

/** How a call ended. */
export interface Outcome {
  callId: string;
  /** `ok`, or the error code. */
  status: string;
  durationMs: number;
  bytes: number;
  /** Set if something in the answer comes from a cache. */
  cached?: "fresh" | "stale";
}
