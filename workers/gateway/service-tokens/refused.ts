import { log } from "../../../shared/observe/log.ts";

/** Error codes of a token request (RFC 6749 §5.2, RFC 8707 §2). */
type Code =
  | "invalid_request"
  | "invalid_client"
  | "invalid_grant"
  | "invalid_scope"
  | "invalid_target"
  | "unauthorized_client"
  | "temporarily_unavailable";

/** A token request that is refused. The sentence is ours and for the client; the reason is for the log alone. */
export class GrantRefused extends Error {
  readonly code: Code;
  readonly reason: string;

  /** @param reason - which check failed, as one word: a client that attacks does not get to know it */
  constructor(code: Code, description: string, reason: string, cause?: unknown) {
    super(description, { cause });
    this.name = "GrantRefused";
    this.code = code;
    this.reason = reason;
  }
}

/** The account could not be told from any other: one sentence for every cause. */
export function notAuthenticated(reason: string, cause?: unknown): GrantRefused {
  return new GrantRefused("invalid_client", "The service account is not authenticated", reason, cause);
}

/** The assertion does not count: one sentence for every cause. */
export function notAccepted(reason: string, cause?: unknown): GrantRefused {
  return new GrantRefused("invalid_grant", "The assertion is not accepted", reason, cause);
}

/** The error response (RFC 6749 §5.2), and a line in the log. */
export function answerRefused({ code, message, reason, cause }: GrantRefused): Response {
  log("warn", "service_token_refused", {
    code,
    reason,
    ...(cause !== undefined && { cause: String(cause) }),
  });
  const headers = new Headers({ "Cache-Control": "no-store" });
  if (code === "invalid_client") headers.set("WWW-Authenticate", 'Basic realm="OAuth"');
  if (code === "temporarily_unavailable") headers.set("Retry-After", "5");
  const status = { invalid_client: 401, temporarily_unavailable: 503 } as const;
  return Response.json(
    { error: code, error_description: message },
    { status: code in status ? status[code as keyof typeof status] : 400, headers },
  );
}
