import { ContextRecorder } from "../../../../shared/guard/context-recorder.ts";
import type { Exchange } from "../../../../shared/guard/exchange.ts";
import type { GuardedWork } from "../../../../shared/guard/guard.ts";
import type { Subject } from "../../../../shared/guard/subject.ts";
import { emptyContext } from "../../../../shared/session/context.ts";

export type * from "../../../../shared/guard/guard.ts";

/** Runs the work and shapes its answer; the way to it (OAuth, routing, lane) stays. */
export async function guard<Raw, Shaped>(
  { signal }: Exchange,
  _subject: Subject,
  work: GuardedWork<Raw, Shaped>,
): Promise<Shaped> {
  const context = new ContextRecorder(emptyContext());
  const raw = await work.run(
    signal,
    context,
    (waiting) => waiting,
    crypto.randomUUID(),
    () => work.timeoutMs,
  );
  return work.shape(raw, context);
}
