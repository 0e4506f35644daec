/** Milliseconds of silence after which a stream shows a sign of life: below the 60 to 100 seconds of usual proxies. */
export const KEEP_ALIVE_MS = 25_000;

/** A comment of an SSE stream, which no client hands on (HTML, «Server-sent events»). */
export const KEEP_ALIVE_COMMENT = ": keep-alive\n\n";

/** Bytes that may wait for a client that does not read. One that lets more of them wait counts as gone. */
export const MAX_BUFFERED_BYTES = 1024 * 1024;
