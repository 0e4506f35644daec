/**
 * Milliseconds of silence after which a stream sends a keep-alive comment: below the 60 to 100 seconds of
 * usual proxies.
 */
export const KEEP_ALIVE_MS = 25_000;

/** An SSE comment, which clients ignore (HTML, «Server-sent events»). */
export const KEEP_ALIVE_COMMENT = ": keep-alive\n\n";

/** Most bytes buffered for a client that does not read. Above it the client counts as disconnected. */
export const MAX_BUFFERED_BYTES = 1024 * 1024;

/** Tells a proxy not to buffer a stream (nginx and compatible proxies). */
export const UNBUFFERED = { "x-accel-buffering": "no" };
