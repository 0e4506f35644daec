/** Milliseconds of silence after which a stream shows a sign of life: below the 60 to 100 seconds of usual proxies. */
export const KEEP_ALIVE_MS = 25_000;

const SIGN_OF_LIFE = new TextEncoder().encode(": keep-alive\n\n");

/**
 * Hands an SSE stream on with a comment whenever nothing else came. The timer runs where the client is connected, so
 * that the object behind the stream can sleep. Every chunk of `body` must be whole events.
 */
export function keepAlive(
  body: ReadableStream<Uint8Array>,
  everyMs = KEEP_ALIVE_MS,
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  let timer: ReturnType<typeof setInterval> | undefined;
  return new ReadableStream<Uint8Array>({
    start(controller) {
      timer = setInterval(() => controller.enqueue(SIGN_OF_LIFE), everyMs);
    },
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (!done) return controller.enqueue(value);
        clearInterval(timer);
        controller.close();
      } catch (failure) {
        clearInterval(timer);
        controller.error(failure);
      }
    },
    cancel(reason) {
      clearInterval(timer);
      return reader.cancel(reason);
    },
  });
}
