import type { Subject } from "../../../../shared/call/subject.ts";
import { ContextRecorder } from "../../../../shared/guard/context-recorder.ts";
import type { GuardedWork } from "../../../../shared/guard/guard.ts";
import type { RequestContext } from "../../../../shared/guard/request-context.ts";
import { StoreScope } from "../../../../shared/guard/store-scope.ts";
import { emptyContext } from "../../../../shared/session/context.ts";

export type * from "../../../../shared/guard/guard.ts";

/** Runs the work and shapes its answer; the way to it (OAuth, routing, lane) stays. */
export async function guard<Raw, Shaped>(
  ctx: RequestContext,
  _subject: Subject,
  work: GuardedWork<Raw, Shaped>,
): Promise<Shaped> {
  const context = new ContextRecorder(emptyContext());
  const stores = new StoreScope();
  const raw = await work.run({
    callId: crypto.randomUUID(),
    signal: ctx.signal,
    pause: (waiting) => waiting,
    timeLeft: () => work.timeoutMs,
    context,
    openStore: (entry) => stores.open(ctx, entry),
  });
  return work.shape(raw, context);
}
