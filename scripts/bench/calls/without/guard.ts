import type { Subject } from "../../../../shared/call/subject.ts";
import { ContextRecorder } from "../../../../shared/guard/context-recorder.ts";
import type { GuardedWork } from "../../../../shared/guard/guard.ts";
import type { RequestContext } from "../../../../shared/guard/request-context.ts";
import { emptyContext } from "../../../../shared/session/context.ts";

export type * from "../../../../shared/guard/guard.ts";

/** Runs the work and shapes its answer; the way to it (OAuth, routing, lane) stays. */
export async function guard<Raw, Shaped>(
  { signal }: RequestContext,
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
