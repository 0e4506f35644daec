import type { LimitRules } from "../policy/limits.ts";

/** What a request comes with: its access ends when one of the two does. */
export interface Access {
  /** The OAuth grant behind the token. */
  grantId: string;
  /** SHA-256 of the access token, hexadecimal. */
  tokenId: string;
}

/** What a call asks of its person's object beside the record of its intent. */
export interface AdmissionRequest extends Access {
  /** The costly tool that is called, or `null`: what counts against {@link LimitRules.callsPerCostlyTool}. */
  costlyTool: string | null;
  /** The state whose answers the call comes with: they count once. Isolates of the release before send none. */
  stateId?: string;
  /** The call's deadline in milliseconds. Without an outcome it gives its place back soon after. */
  timeoutMs: number;
  /** Of the role that the request came with: for a role that {@link limitsOfRoles} does not name. */
  limits: LimitRules;
  /**
   * Of every role of the policy. A token keeps its role until it is refreshed, and the object knows the role of now:
   * it picks. Isolates of the release before send none.
   */
  limitsOfRoles?: Readonly<Record<string, LimitRules>>;
}

/** The rule that a call ran into. */
export type LimitName = keyof Omit<LimitRules, "costlyUnits">;

/** Why the object refuses a call. Its code is the status of the call's record. */
export type Refusal =
  | { code: "access_ended" }
  | { code: "unavailable"; retryAfter: number }
  | {
      code: "rate_limited";
      limit: LimitName;
      /** What the rule allows. */
      allowed: number;
      /** Whole seconds after which this very call passes, if no other call comes first. */
      retryAfter: number;
    };
