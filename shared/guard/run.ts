import { ToolError } from "../mcp/errors.ts";

/** Milliseconds a call may take when its definition names no other bound. */
export const DEFAULT_TIMEOUT_MS = 20_000;

/**
 * Step 3: runs the work under a deadline and the client's own cancellation. The work gets a signal that both
 * abort; work that ignores it is left behind, and the caller gets `timeout` or `cancelled` at once.
 */
export async function runBounded<T>(
  clientSignal: AbortSignal,
  timeoutMs: number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let onCancel: (() => void) | undefined;
  const stopped = new Promise<never>((_, reject) => {
    const stop = (error: ToolError) => {
      controller.abort(error);
      reject(error);
    };
    timer = setTimeout(() => {
      stop(
        new ToolError("timeout", `The call took longer than ${timeoutMs / 1000} seconds and was stopped.`),
      );
    }, timeoutMs);
    onCancel = () => stop(new ToolError("cancelled", "The client cancelled the call."));
    if (clientSignal.aborted) onCancel();
    else clientSignal.addEventListener("abort", onCancel, { once: true });
  });
  try {
    return await Promise.race([work(controller.signal), stopped]);
  } finally {
    clearTimeout(timer);
    if (onCancel) clientSignal.removeEventListener("abort", onCancel);
  }
}
