import { JSON_RPC, jsonRpcError } from "../../call/protocol-fault.ts";
import { isDeeperThan, MAX_DEPTH } from "../../encoding/depth.ts";

/** Bytes of one message. */
export const MAX_BODY_BYTES = 4 * 1024 * 1024;

/** Milliseconds in which a message must arrive. A body that never ends would hold its request for ever. */
export const BODY_TIMEOUT_MS = 30_000;

/** Bytes of a message from which on it counts among the large ones. */
const LARGE_BYTES = 256 * 1024;

/** Bytes of large messages that one isolate takes in at the same time: they are held in its 128 MB, as bytes and as text. */
const LARGE_AT_ONCE = 8 * MAX_BODY_BYTES;

/** Seconds after which a message may be sent again that came while too many large ones did. */
const LARGE_RETRY_SECONDS = 2;

/** Bytes of large messages that are being read. */
let reading = 0;

/** Bytes that are no UTF-8 would become other text than was sent, and be stored as that. */
const FATAL = { fatal: true, ignoreBOM: false };
const decoder = new TextDecoder("utf-8", FATAL);

/** What a POST brought, or the answer that refuses it. */
export type BodyResult = { ok: true; body: PostBody; text: string } | { ok: false; response: Response };

/** One message, or the messages of a batch, which only sessions of revision 2025-03-26 take. */
export type PostBody = Record<string, unknown> | Record<string, unknown>[];

/** An escape that stands for half of a character, unless its other half follows. */
const SURROGATE_ESCAPE = /\\u[dD][89a-fA-F]/;

/** Messages of one batch. */
const MAX_BATCH = 100;

/**
 * Reads and checks a POST body: JSON in UTF-8, one object or a batch of them, bounded in bytes, depth and time. What
 * its declared length rules out is refused before anything of it is read.
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

/** Whether the text of a message may hold half a character: only an escape can, because the bytes were UTF-8. */
export function mayHoldHalves(text: string): boolean {
  return SURROGATE_ESCAPE.test(text);
}

function tooLarge(): BodyResult {
  return refuse(413, JSON_RPC.invalidRequest, `The message is larger than ${MAX_BODY_BYTES} bytes.`);
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

/** The body is no text. */
const NO_TEXT = Symbol("no text");

/**
 * The body as text, {@link NO_TEXT} when it is no UTF-8, or `null` when it is too long. A length that fits is taken at its word, because HTTP ends a body
 * where it says, and counted all the same; a body without one is counted as it comes.
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
