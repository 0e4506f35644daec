import { Deadline, type PauseDeadline } from "../../../shared/guard/run.ts";

/** Milliseconds that the one who has a limit of time of its own has after it, before it is given up. */
export const GRACE_MS = 1_500;

/** The time of {@link within} is over. */
export class TimedOut extends Error {}

/**
 * Rejects with {@link TimedOut} after `ms`, without the time that `work` holds while a person answers. The
 * work goes on; its caller closes the session.
 */
export async function within<Value>(
  work: (hold: PauseDeadline) => Promise<Value>,
  ms: number,
): Promise<Value> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const deadline = new Deadline(ms, () => reject(new TimedOut(`No answer within ${ms} ms.`)));
  const running = work((waiting) => deadline.hold(waiting));
  try {
    return await Promise.race([running, late]);
  } finally {
    deadline.end();
    running.catch(() => {});
  }
}
