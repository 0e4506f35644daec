import { JSON_RPC, jsonRpcError } from "../../call/protocol-fault.ts";
import { isDeeperThan, MAX_DEPTH } from "../../encoding/depth.ts";

/** Most bytes of one message. */
export const MAX_BODY_BYTES = 4 * 1024 * 1024;

/** Milliseconds in which a message must arrive. A body that never ends would otherwise hold its request. */
export const BODY_TIMEOUT_MS = 30_000;

/** Bytes from which a message counts as large. */
const LARGE_BYTES = 256 * 1024;

/** Bytes of large messages that one isolate reads at a time: they occupy its 128 MB as bytes and as text. */
const LARGE_AT_ONCE = 8 * MAX_BODY_BYTES;

/** Seconds after which a client may resend a message that arrived while too many large ones were read. */
const LARGE_RETRY_SECONDS = 2;

/** Bytes of large messages being read. */
let reading = 0;

/** Invalid UTF-8 must fail: decoding it leniently would store another text than was sent. */
const FATAL = { fatal: true, ignoreBOM: false };
const decoder = new TextDecoder("utf-8", FATAL);

/** The body of a POST, or the error response. */
export type BodyResult = { ok: true; body: PostBody; text: string } | { ok: false; response: Response };

/** One message, or the messages of a batch, which only sessions of revision 2025-03-26 accept. */
export type PostBody = Record<string, unknown> | Record<string, unknown>[];

/** An escape of a surrogate: half a character unless its other half follows. */
const SURROGATE_ESCAPE = /\\u[dD][89a-fA-F]/;

/** Most messages of one batch. */
const MAX_BATCH = 100;

/**
 * Reads and checks a POST body: JSON in UTF-8, one object or a batch of them, bounded in bytes, depth and
 * time. A declared length over the limit is refused before anything is read.
 */
export async function readMessage(request: Request): Promise<BodyResult> {
  const declared = Number(request.headers.get("content-length") ?? 0);
  if (declared > MAX_BODY_BYTES) return tooLarge();
  const large = declared >= LARGE_BYTES ? declared : 0;
  if (large > 0 && reading + large > LARGE_AT_ONCE) {
    const message = `Too many large messages arrive at the same time. Send this one again in ${LARGE_RETRY_SECONDS} seconds.`;
    const headers = { "retry-after": String(LARGE_RETRY_SECONDS) };
    return { ok: false, response: jsonRpcError(503, JSON_RPC.serverError, message, headers) };
  }
  reading += large;
  try {
    return await readAndCheck(request);
  } finally {
    reading -= large;
  }
}

async function readAndCheck(request: Request): Promise<BodyResult> {
  const text = await inTime(readText(request));
  if (text === undefined) {
    const seconds = BODY_TIMEOUT_MS / 1000;
    return refuse(408, JSON_RPC.serverError, `The message did not arrive within ${seconds} seconds.`);
  }
  if (text === null) return tooLarge();
  if (text === NO_TEXT) return refuse(400, JSON_RPC.parseError, "Parse error: the body is not valid UTF-8.");
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return refuse(400, JSON_RPC.parseError, "Parse error: the body is not valid JSON.");
  }
  if (typeof body !== "object" || body === null) {
    return refuse(400, JSON_RPC.invalidRequest, "The body must be one JSON-RPC object.");
  }
  const isFull = Array.isArray(body) && body.length <= MAX_BATCH && body.every(isObject);
  if (Array.isArray(body) && (!isFull || body.length === 0)) {
    const message = `A batch holds 1 to ${MAX_BATCH} JSON-RPC objects.`;
    return refuse(400, JSON_RPC.invalidRequest, message);
  }
  if (isDeeperThan(body, MAX_DEPTH)) {
    return refuse(400, JSON_RPC.invalidRequest, `The message is nested deeper than ${MAX_DEPTH} levels.`);
  }
  return { ok: true, body: body as PostBody, text };
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Whether the text of a message may contain a lone surrogate: only an escape can, because the bytes are
 * UTF-8.
 */
export function mayHoldHalves(text: string): boolean {
  return SURROGATE_ESCAPE.test(text);
}

function tooLarge(): BodyResult {
  return refuse(413, JSON_RPC.invalidRequest, `The message is larger than ${MAX_BODY_BYTES} bytes.`);
}

function refuse(status: number, code: number, message: string): BodyResult {
  return { ok: false, response: jsonRpcError(status, code, message) };
}

/** The promise's value, or `undefined` on time-out. */
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

/** Marks a body that is not text. */
const NO_TEXT = Symbol("no text");

/**
 * The body as text, {@link NO_TEXT} if it is not UTF-8, or `null` if it is too long. A declared length within
 * the limit is trusted, because HTTP ends a body there; without one the bytes are counted as they arrive.
 */
async function readText(request: Request): Promise<string | null | typeof NO_TEXT> {
  const declared = request.headers.get("content-length");
  if (declared === null) return readBounded(request.body, MAX_BODY_BYTES);
  const bytes = await request.arrayBuffer();
  return bytes.byteLength > MAX_BODY_BYTES ? null : decode(() => decoder.decode(bytes));
}

function decode(work: () => string): string | typeof NO_TEXT {
  try {
    return work();
  } catch {
    return NO_TEXT;
  }
}

async function readBounded(
  stream: ReadableStream<Uint8Array> | null,
  limit: number,
): Promise<string | null | typeof NO_TEXT> {
  if (!stream) return "";
  const partial = new TextDecoder("utf-8", FATAL);
  const reader = stream.getReader();
  let text = "";
  let bytes = 0;
  for (;;) {
    const { done, value } = await reader.read();
    bytes += value?.byteLength ?? 0;
    if (bytes > limit) {
      await reader.cancel();
      return null;
    }
    const part = decode(() => partial.decode(value, { stream: !done }));
    if (part === NO_TEXT) {
      await reader.cancel();
      return NO_TEXT;
    }
    text += part;
    if (done) return text;
  }
}
