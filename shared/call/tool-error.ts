import type { z } from "zod";
import type { JsonValue } from "../encoding/json.ts";
import { dropHalves } from "../text/well-formed.ts";

/**
 * Errors that may reach a model or a client. Every text here and in every `ToolError` is our own. An unknown
 * failure is reported as `internal_error` with an event id; its details go to the log only.
 */

/** Codes that a caller can act on. Lower snake case, stable across releases. */
export type ErrorCode =
  | "invalid_input"
  | "not_found"
  | "conflict"
  | "forbidden"
  | "insufficient_scope"
  | "mfa_required"
  | "access_ended"
  | "rate_limited"
  | "approval_required"
  | "client_unsupported"
  | "result_too_large"
  | "timeout"
  | "cancelled"
  | "unavailable"
  | "outcome_unknown"
  | "internal_error";

/** Body of a failed tool result: `{ error: { … } }` as JSON text with `isError: true`. */
export interface ErrorBody {
  error: {
    code: ErrorCode;
    message: string;
    /** Seconds to wait before the same call can succeed. */
    retry_after?: number;
    /** One sentence naming the next step. */
    suggested_action: string;
  };
}

/** Optional parts of a {@link ToolError}. */
export interface ToolErrorOptions {
  /** The caller's next step; each code has a default. */
  suggestedAction?: string;
  /** Seconds. */
  retryAfter?: number;
  /** Current stored values. The guard masks them for the caller and appends them to the message. */
  current?: QuotedValues;
  /** The underlying failure, for the log. Never sent. */
  cause?: unknown;
}

/** Stored values that an error quotes, with the schema that classifies them. */
export interface QuotedValues {
  schema: z.core.$ZodType;
  values: Record<string, JsonValue>;
}

/** Whom people ask, as our sentences call them unless the policy has a name. */
export const ADMINISTRATOR = "an administrator";

const DEFAULT_ACTIONS: Record<ErrorCode, string> = {
  invalid_input: "Correct the named arguments and call the tool again.",
  not_found: "Use an id from an answer of this server.",
  conflict: "Read the item again, apply the change to the current version, and retry.",
  forbidden: "Ask an administrator for access; do not retry.",
  insufficient_scope: "Reconnect this app and grant the missing permission on the consent screen.",
  mfa_required:
    "Ask the person to disconnect this app and connect it again: Gatehouse then asks for their second factor. Without one they first set it up on their Gatehouse account page. Then repeat the call unchanged.",
  access_ended: "Connect this app again: sign in and give consent.",
  rate_limited: "Wait for retry_after seconds, then call again.",
  approval_required: "Ask the person to approve the call, then repeat it unchanged.",
  client_unsupported: "Use a client with this capability, or choose another tool.",
  result_too_large: "Narrow the request with filters, a shorter period or a smaller limit.",
  timeout: "Narrow the request, or try again later.",
  cancelled: "The call was cancelled; repeat it if it is still wanted.",
  unavailable: "Try again in a moment.",
  outcome_unknown: "Look at the data before you call again: the call may have been carried out.",
  internal_error: "Try again once; if it fails again, report the event id.",
};

/** A failure with a text for the model. Thrown by tools, resources and prompts. */
export class ToolError extends Error {
  readonly code: ErrorCode;
  readonly suggestedAction: string;
  readonly retryAfter: number | undefined;
  readonly current: QuotedValues | undefined;

  constructor(code: ErrorCode, message: string, options: ToolErrorOptions = {}) {
    super(dropHalves(message), { cause: options.cause });
    this.name = "ToolError";
    this.code = code;
    this.suggestedAction = options.suggestedAction ?? DEFAULT_ACTIONS[code];
    this.retryAfter = options.retryAfter;
    this.current = options.current;
  }

  /**
   * Form on the wire.
   *
   * @param contact - whom people ask, in place of «an administrator» in the next step
   */
  toBody(contact = ADMINISTRATOR): ErrorBody {
    const next = this.suggestedAction.replaceAll(ADMINISTRATOR, contact);
    return {
      error: {
        code: this.code,
        message: this.message,
        ...(this.retryAfter !== undefined && { retry_after: this.retryAfter }),
        suggested_action: next,
      },
    };
  }
}

/**
 * Turns anything thrown into a {@link ToolError}. An unknown failure loses its text and gains `eventId`,
 * under which the log holds the details.
 */
export function toToolError(failure: unknown, eventId: string): ToolError {
  if (failure instanceof ToolError) return failure;
  return new ToolError("internal_error", `The call failed inside Gatehouse. Event id: ${eventId}.`, {
    cause: failure,
  });
}
