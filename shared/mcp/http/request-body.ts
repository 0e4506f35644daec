import { JSON_RPC, jsonRpcError } from "../../call/protocol-fault.ts";

/** Bytes of one message. */
export const MAX_BODY_BYTES = 4 * 1024 * 1024;

/** Nesting of one message. Deeper input is refused before any schema walks it. */
const MAX_DEPTH = 64;

/** Milliseconds in which a message must arrive. A body that never ends would hold its request for ever. */
export const BODY_TIMEOUT_MS = 30_000;

const decoder = new TextDecoder();

/** A parsed message, or the answer that refuses it. */
export type BodyResult =
  | { ok: true; body: Record<string, unknown>; text: string }
  | { ok: false; response: Response };

/**
 * Reads and checks a POST body: JSON, one object (batches ended with 2025-06-18), bounded in bytes, depth and time.
 */
export async function readMessage(request: Request): Promise<BodyResult> {
  const text = await inTime(readText(request));
  if (text === undefined) {
    const seconds = BODY_TIMEOUT_MS / 1000;
    return refuse(408, JSON_RPC.serverError, `The message did not arrive within ${seconds} seconds.`);
  }
  if (text === null) {
    return refuse(413, JSON_RPC.invalidRequest, `The message is larger than ${MAX_BODY_BYTES} bytes.`);
  }
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return refuse(400, JSON_RPC.parseError, "Parse error: the body is not valid JSON.");
  }
  if (Array.isArray(body))
    return refuse(400, JSON_RPC.invalidRequest, "Batches are not supported: send one message a request.");
  if (typeof body !== "object" || body === null) {
    return refuse(400, JSON_RPC.invalidRequest, "The body must be one JSON-RPC object.");
  }
  if (isDeeperThan(body, MAX_DEPTH)) {
    return refuse(400, JSON_RPC.invalidRequest, `The message is nested deeper than ${MAX_DEPTH} levels.`);
  }
  return { ok: true, body: body as Record<string, unknown>, text };
}

function refuse(status: number, code: number, message: string): BodyResult {
  return { ok: false, response: jsonRpcError(status, code, message) };
}

/** What a promise gives, or `undefined` when it takes too long. */
async function inTime<Value>(work: Promise<Value>): Promise<Value | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), BODY_TIMEOUT_MS);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * The body as text, or `null` when it is too long. A length that fits is taken at its word, because HTTP ends a body
 * where it says, and counted all the same; a body without one is counted as it comes.
 */
async function readText(request: Request): Promise<string | null> {
  const declared = request.headers.get("content-length");
  if (declared === null || Number(declared) > MAX_BODY_BYTES)
    return readBounded(request.body, MAX_BODY_BYTES);
  const bytes = await request.arrayBuffer();
  return bytes.byteLength > MAX_BODY_BYTES ? null : decoder.decode(bytes);
}

async function readBounded(stream: ReadableStream<Uint8Array> | null, limit: number): Promise<string | null> {
  if (!stream) return "";
  const partial = new TextDecoder();
  const reader = stream.getReader();
  let text = "";
  let bytes = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + partial.decode();
    bytes += value.byteLength;
    if (bytes > limit) {
      await reader.cancel();
      return null;
    }
    text += partial.decode(value, { stream: true });
  }
}

/** Walks level by level, so that hostile nesting cannot exhaust the stack. */
function isDeeperThan(root: object, limit: number): boolean {
  let level: unknown[] = [root];
  for (let depth = 0; depth < limit; depth += 1) {
    level = level.flatMap((value) =>
      typeof value === "object" && value !== null ? Object.values(value) : [],
    );
    if (level.length === 0) return false;
  }
  return true;
}
