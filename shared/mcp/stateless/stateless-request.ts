import {
  CLIENT_CAPABILITIES_META_KEY,
  CLIENT_INFO_META_KEY,
  LOG_LEVEL_META_KEY,
  PROTOCOL_VERSION_META_KEY,
} from "@modelcontextprotocol/server";
import type { GivenAnswer } from "../../call/input-needed.ts";
import { isRecord } from "../../encoding/is-record.ts";
import { type Params, STATELESS_METHODS, type StatelessMethod } from "./stateless-methods.ts";

/** The revision that this lane speaks. */
const STATELESS_REVISION = "2026-07-28";

/** A request of the stateless generation that is in order. */
export interface StatelessRequest {
  id: string | number;
  method: StatelessMethod;
  params: Params;
  /** `params._meta` with the envelope in it. */
  meta: Readonly<Record<string, unknown>>;
  /** What the client answered, in earlier rounds and in this one, to questions that it was asked. */
  answers: readonly GivenAnswer[];
  /** The state that says what was asked; `null` without one. */
  stateId: string | null;
}

/** Members of `params` that only a continued call has. */
const CONTINUED = ["inputResponses", "requestState"];

/** A value of `Mcp-Name` that is written in another way than it is meant (SEP-2243). */
const ENCODED = /^=\?/;

/** How many clients' envelopes are known, and how long one may be as text. */
const KNOWN_ENVELOPES = 500;
const ENVELOPE_LENGTH = 2_000;

/** What clients say of themselves with every request, as it passed the SDK. Says nothing of who asks or for what. */
const known = new Set<string>();

/**
 * Reads a request that is in order beyond doubt: the common forms of a known method, headers that repeat the body to
 * the letter, and an envelope that the SDK has let pass before. `null` for everything else: what that is, and how to
 * refuse it, the SDK says.
 */
export function parseKnownRequest(
  headers: Headers,
  body: Readonly<Record<string, unknown>>,
): StatelessRequest | null {
  const { jsonrpc, id, method: name, params } = body;
  if (jsonrpc !== "2.0" || (typeof id !== "string" && !Number.isSafeInteger(id))) return null;
  if (Object.keys(body).length !== 4 || typeof name !== "string" || !isRecord(params)) return null;
  const method = STATELESS_METHODS.get(name);
  const meta = params._meta;
  if (method === undefined || !isRecord(meta) || CONTINUED.some((member) => member in params)) return null;
  if (headers.get("mcp-protocol-version") !== STATELESS_REVISION || headers.get("mcp-method") !== name)
    return null;
  if (method.named !== undefined) {
    const value = params[method.named];
    if (typeof value !== "string" || headers.get("mcp-name") !== value || ENCODED.test(value)) return null;
  }
  if (!isKnownEnvelope(meta) || !method.isPlain(params)) return null;
  return { id: id as string | number, method, params, meta, answers: [], stateId: null };
}

/** Remembers the envelope of a request that the SDK let pass. */
export function rememberValidatedMeta(meta: Readonly<Record<string, unknown>>): void {
  const text = describeEnvelope(meta);
  if (text.length > ENVELOPE_LENGTH) return;
  if (known.size >= KNOWN_ENVELOPES) known.clear();
  known.add(text);
}

function isKnownEnvelope(meta: Readonly<Record<string, unknown>>): boolean {
  const { progressToken: token } = meta;
  if (token !== undefined && typeof token !== "string" && !Number.isSafeInteger(token)) return false;
  return meta[PROTOCOL_VERSION_META_KEY] === STATELESS_REVISION && known.has(describeEnvelope(meta));
}

/** Everything of an envelope that its schema looks at and that a client does not change from call to call. */
function describeEnvelope(meta: Readonly<Record<string, unknown>>): string {
  // By name: in a list, what is left out would look like `null`.
  return JSON.stringify({
    capabilities: meta[CLIENT_CAPABILITIES_META_KEY],
    client: meta[CLIENT_INFO_META_KEY],
    level: meta[LOG_LEVEL_META_KEY],
  });
}
