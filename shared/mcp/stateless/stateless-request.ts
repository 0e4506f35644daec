import {
  CLIENT_CAPABILITIES_META_KEY,
  CLIENT_INFO_META_KEY,
  LOG_LEVEL_META_KEY,
  PROTOCOL_VERSION_META_KEY,
} from "@modelcontextprotocol/server";
import type { GivenAnswer } from "../../call/input-needed.ts";
import { isRecord } from "../../encoding/is-record.ts";
import { type Params, STATELESS_METHODS, type StatelessMethod } from "./stateless-methods.ts";

/** The revision of this lane. */
const STATELESS_REVISION = "2026-07-28";

/** A valid request of the stateless generation. */
export interface StatelessRequest {
  id: string | number;
  method: StatelessMethod;
  params: Params;
  /** `params._meta` with the envelope. */
  meta: Readonly<Record<string, unknown>>;
  /** Answers of the client, from earlier rounds and this one. */
  answers: readonly GivenAnswer[];
  /** The state that says what was asked; `null` without one. */
  stateId: string | null;
}

/** Members of `params` that only a continued call has. */
const CONTINUED = ["inputResponses", "requestState"];

/** An encoded value of `Mcp-Name` (SEP-2243). */
const ENCODED = /^=\?/;

/** Most validated envelopes that an isolate remembers, and most characters of one. */
const KNOWN_ENVELOPES = 500;
const ENVELOPE_LENGTH = 2_000;

/** Envelopes that the SDK has validated. They describe the client software, not the caller or the request. */
const known = new Set<string>();

/**
 * Fast path that skips SDK validation. Accepts a known method whose parameters have the usual shape, whose
 * headers repeat the body exactly, and whose `_meta` the SDK has accepted before in this isolate. Returns
 * `null` otherwise.
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

/** Remembers the envelope of a request that the SDK accepted. */
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

/** The parts of an envelope that its schema checks and that stay the same between a client's calls. */
function describeEnvelope(meta: Readonly<Record<string, unknown>>): string {
  // An object rather than a list, in which a missing member would look like `null`.
  return JSON.stringify({
    capabilities: meta[CLIENT_CAPABILITIES_META_KEY],
    client: meta[CLIENT_INFO_META_KEY],
    level: meta[LOG_LEVEL_META_KEY],
  });
}
