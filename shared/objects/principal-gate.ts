import type { AuditEvent, CallDetails } from "../audit/record.ts";
import type { JsonValue } from "../encoding/json.ts";
import type { PolicyReference } from "../policy/reference.ts";
import type { ContextOperation, ResultHandle, SessionContext } from "../session/context.ts";
import type { ResultPage } from "../session/session-memory.ts";
import type { Access, AdmissionRequest, Refusal } from "./admission-request.ts";
import { openObject } from "./open-object.ts";

/** What is written down before a call runs. */
export interface Intent extends CallDetails {
  userId: string;
}

/**
 * The answer of the principal's object to an intent. `context` comes along for stateless clients: one trip. `role` is
 * what the person may hold now, whatever the token says; `policy` is what is in force now, whatever the request began
 * with.
 */
export type Admission =
  | {
      admitted: true;
      context: SessionContext | null;
      role: string;
      policy: PolicyReference;
      /** Calls of the person that run now, this one included. */
      running: number;
    }
  | { admitted: false; refusal: Refusal };

/** An intent that was admitted. */
export type Admitted = Extract<Admission, { admitted: true }>;

/** What decides what a person may do now, whatever a token says and a request began with. */
export interface Rights {
  role: string;
  /** The policy in force. */
  policy: PolicyReference;
}

/** How a request stands that is no call. */
export interface AccessStatus {
  ended: boolean;
  /** Whole seconds until one more fits; 0 when this one does. */
  retryAfter: number;
  /** `null` when nobody can say. */
  rights: Rights | null;
}

/** What the guard needs of the Principal object. `workers/objects/principal` implements it. */
export interface PrincipalGate {
  /** @param ended - how earlier calls ended: they give their places back before this one asks for its own */
  admit(intent: Intent, claim: AdmissionRequest, ended: readonly Outcome[]): Promise<Admission>;
  settle(ended: readonly Outcome[]): Promise<void>;
  /** From now on every call under the grant is refused, whatever copy of a token it comes with. */
  revokeGrant(grantId: string): Promise<void>;
  isGrantRevoked(grantId: string): Promise<boolean>;
  /** The same for one access token (RFC 7009), while its grant lives on. */
  revokeToken(tokenId: string): Promise<void>;
  /**
   * Whether grant, token or the person's account has ended, for what shows names only and is not admitted. Leaves no
   * record, and says no while the platform database does not answer. Counts against a limit of the app's own when
   * `countedFor` names one. What is known of an earlier policy than `publication` is not used.
   */
  checkAccess(
    userId: string,
    access: Access,
    countedFor: string | null,
    publication?: number,
  ): Promise<AccessStatus>;
  /** Adds an event to the chain of this object. Durable when it returns. */
  record(chain: string, event: AuditEvent): Promise<void>;
  /** The same, unless an event with this key was recorded here before. */
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
}
