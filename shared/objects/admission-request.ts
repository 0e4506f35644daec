import type { ReadLabel } from "../call/flow-labels.ts";
import type { PrincipalIdentity } from "../call/principal.ts";
import type { MemoryRules } from "../policy/flow/information-flow.ts";
import type { LimitRules } from "../policy/limits.ts";

/** Grant and token of a request: access ends when either ends. */
export interface Access {
  /** The OAuth grant behind the token. */
  grantId: string;
  /** SHA-256 of the access token, hexadecimal. */
  tokenId: string;
  /**
   * When an API key ends, in milliseconds since the epoch: streams and tasks that began with it end too. Absent for
   * apps, whose grants live as long as they are used.
   */
  endsAt?: number;
  /** Digest of the credential behind a token of a service account. Absent for apps, and in earlier releases. */
  credential?: string;
}

/** The part of an identity that can end before its request does. */
export function accessOf({ grantId, tokenId, key }: PrincipalIdentity): Access {
  return { grantId, tokenId, ...(key && { endsAt: key.endsAt, credential: key.credential }) };
}

/** What a call does to the memory of its session. */
export interface Meeting extends MemoryRules {
  /** What the call is going to read. */
  reads: readonly ReadLabel[];
  /** It gives what earlier calls kept: everything that they met counts as met again. */
  recalls: boolean;
}

/** What a call asks of the user's Principal object, in addition to the record of its intent. */
export interface AdmissionRequest extends Access {
  /**
   * The called tool if it is costly, otherwise `null`: counts against {@link LimitRules.callsPerCostlyTool}.
   */
  costlyTool: string | null;
  /** The state whose answers the call comes with: they count once. Isolates of the release before send none. */
  stateId?: string;
  /** What the call meets. Isolates of the release before send none. */
  meeting?: Meeting;
  /** The call's deadline in milliseconds. Without an outcome it gives its place back soon after. */
  timeoutMs: number;
  /** Limits of the request's role, for a role that {@link limitsOfRoles} does not name. */
  limits: LimitRules;
  /**
   * Limits of every role of the policy. A token keeps its role until it is refreshed, and the object picks
   * the current role. Isolates of the previous release send none.
   */
  limitsOfRoles?: Readonly<Record<string, LimitRules>>;
}

/** The limit that a call exceeded. */
export type LimitName = keyof Omit<LimitRules, "costlyUnits">;

/** Why the object refuses a call. The code becomes the status of the call's record. */
export type Refusal =
  | { code: "access_ended" }
  | { code: "unavailable"; retryAfter: number }
  | {
      code: "rate_limited";
      limit: LimitName;
      /** The limit's value. */
      allowed: number;
      /** Whole seconds after which this call passes if no other call comes first. */
      retryAfter: number;
    };
