import { z } from "zod";
import type { ConnectionAttempt } from "../../../shared/audit/record.ts";
import { textFromBase64 } from "../../../shared/encoding/base64.ts";
import { readAtMost } from "../http/read-at-most.ts";

/** A token that the other side gave for an assertion. */
export interface Exchanged {
  token: string;
  /** When it is not used any more, in milliseconds since the epoch. */
  freshUntil: number;
  /** When it ends, or is forgotten. */
  endsAt: number;
}

/** What is wrong with an exchange, as the end of a sentence about the token endpoint. */
export class ExchangeFault extends Error {
  /** Set if it is more than a fault: what was tried. */
  readonly attempt: ConnectionAttempt | undefined;
  /** Whether entry and other side have to be brought together. */
  readonly isForOwner: boolean;

  constructor(message: string, { attempt, isForOwner = true }: FaultOptions = {}) {
    super(message);
    this.attempt = attempt;
    this.isForOwner = isForOwner;
  }
}

interface FaultOptions {
  attempt?: ConnectionAttempt;
  isForOwner?: boolean;
}

/** Most bytes of an answer. */
const MOST_BYTES = 200_000;

/** Seconds for which a token without a stated end is used (RFC 6749 §5.1 recommends stating it). */
const USUAL_SECONDS = 300;

/** Most seconds for which a token is kept, whatever the other side says: then the person is named to it again. */
const MOST_SECONDS = 3_600;

/** Most milliseconds before its end at which a token is exchanged again, and their share of short lifetimes. */
const MARGIN = { ms: 60_000, share: 0.2 };

/** Types of tokens that can be sent as they are (RFC 8693 §3). A server that leaves it out gave what was asked for. */
const SENDABLE = [
  undefined,
  "urn:ietf:params:oauth:token-type:access_token",
  "urn:ietf:params:oauth:token-type:jwt",
];

/** What the errors of RFC 6749 §5.2, RFC 8693 §2.2.2 and RFC 8707 §2 mean here. Other words are not repeated. */
const ERRORS: Readonly<Record<string, string>> = {
  invalid_client: "does not take Gatehouse as this client.",
  unauthorized_client: "does not allow this client to exchange tokens.",
  unsupported_grant_type: "does not exchange tokens.",
  invalid_target: "knows no such audience or resource.",
  invalid_scope: "does not give these scopes.",
  invalid_request: "does not accept what Gatehouse says of the person.",
  invalid_grant: "does not accept what Gatehouse says of the person.",
  access_denied: "gives no token for this person.",
};

const answer = z.object({
  // What can stand in the header (RFC 6750 §2.1).
  access_token: z
    .string()
    .max(16_000)
    .regex(/^[A-Za-z0-9._~+/-]+=*$/),
  token_type: z.string().max(200),
  issued_token_type: z.string().max(200).optional(),
  expires_in: z.coerce.number().min(0).optional(),
});

/**
 * Reads the answer to an exchange (RFC 8693 §2.2). Throws {@link ExchangeFault} with our own words.
 *
 * @param assertion - what was sent: an answer that gives it back would have it sent to another system
 * @param audience - a JWT that names others alone is refused
 */
export async function readExchanged(
  response: Response,
  { assertion, audience, startedAt }: { assertion: string; audience: string | undefined; startedAt: number },
): Promise<Exchanged> {
  const { status } = response;
  if (status >= 300 && status < 400) {
    await response.body?.cancel();
    throw new ExchangeFault("redirects, which is not followed.", { attempt: "address" });
  }
  if (status >= 500 || status === 429) {
    await response.body?.cancel();
    const message = status === 429 ? "exchanges no more tokens now." : `failed (HTTP ${status}).`;
    throw new ExchangeFault(message, { isForOwner: false });
  }
  const { bytes, isWhole } = await readAtMost(response.body, MOST_BYTES);
  if (!isWhole) throw new ExchangeFault("answers with too much.");
  const said = parse(new TextDecoder().decode(bytes));
  if (said === null) throw new ExchangeFault("answers with something that is no JSON.");
  if (status !== 200) throw new ExchangeFault(wordsFor(said.error, status));
  const read = answer.safeParse(said);
  if (!read.success) throw new ExchangeFault("gave no token that can be used.");
  const { access_token: token, token_type: type, issued_token_type: issued, expires_in } = read.data;
  if (!SENDABLE.includes(issued)) throw new ExchangeFault("gave something else than an access token.");
  if (type.toLowerCase() !== "bearer") throw new ExchangeFault("gave a token of another type than Bearer.");
  if (token === assertion)
    throw new ExchangeFault("gave back what Gatehouse says of the person.", { attempt: "mix_up" });
  if (audience !== undefined && !isFor(token, audience))
    throw new ExchangeFault("gave a token for another system.", { attempt: "other_address" });
  const ms = Math.min(expires_in ?? USUAL_SECONDS, MOST_SECONDS) * 1_000;
  const endsAt = startedAt + ms;
  return { token, endsAt, freshUntil: endsAt - Math.min(MARGIN.ms, ms * MARGIN.share) };
}

function wordsFor(error: unknown, status: number): string {
  const words = typeof error === "string" && Object.hasOwn(ERRORS, error) ? ERRORS[error] : undefined;
  return words ?? `refuses the exchange (HTTP ${status}).`;
}

/** Whether a token may be for an audience: what is no JWT with an audience says nothing of it. */
function isFor(token: string, audience: string): boolean {
  const [, payload, signature] = token.split(".");
  if (payload === undefined || signature === undefined) return true;
  const { aud } = parse(textFromBase64(payload)) ?? {};
  if (aud === undefined) return true;
  return (Array.isArray(aud) ? aud : [aud]).includes(audience);
}

function parse(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    const isMap = typeof value === "object" && value !== null && !Array.isArray(value);
    return isMap ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
