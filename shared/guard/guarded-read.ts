import { InputNeeded } from "../call/input-needed.ts";
import { JSON_RPC, ProtocolFault, toProtocolFault } from "../call/protocol-fault.ts";
import { ToolError } from "../call/tool-error.ts";
import { logFailure } from "../observe/log.ts";
import { masksOf } from "../policy/masks.ts";
import { maskContents } from "../redact/mask-contents.ts";
import type { Entry } from "../server/catalogue.ts";
import type { AskingContext } from "../server/define.ts";
import { decide, judged, requireAllowed } from "./decide.ts";
import { guard } from "./guard.ts";
import { maskChannel } from "./masking/mask-channel.ts";
import { contentsSchemaOf } from "./masking/mask-session-memory.ts";
import { upstreamOf } from "./open-upstream.ts";
import { withPausedDeadline } from "./paused-deadline.ts";
import type { RequestContext } from "./request-context.ts";
import { DEFAULT_TIMEOUT_MS, type Run } from "./run.ts";

/** What was read. */
export interface GuardedRead<Result> {
  result: Result;
  /** The request as it was admitted: with the role and the policy that count now. */
  ctx: RequestContext;
}

/**
 * Reads a resource, a prompt or a completion through the guard. Throws a {@link ProtocolFault}, because these methods
 * have no `isError`.
 *
 * @param leaveOut - takes out of what was read what the caller may not see
 * @param fixed - whether the content is a part of the product, with nothing to mask in it
 */
export async function guardedRead<Result>(
  arrived: RequestContext,
  entry: Entry<unknown>,
  args: Readonly<Record<string, unknown>>,
  work: (context: AskingContext, ctx: RequestContext) => Promise<Result>,
  leaveOut: (raw: Result, ctx: RequestContext) => Result = (raw) => raw,
  fixed = false,
): Promise<GuardedRead<Result>> {
  const now = new Date();
  let admitted = arrived;
  const run = async ({ ctx, signal, context, pause, openStore, meets, fromCache }: Run) => {
    admitted = ctx;
    const { identity, policy } = ctx;
    requireRead(ctx, entry, args);
    const rules = masksOf(policy, identity.role);
    const channel = maskChannel(ctx.channel, rules);
    const store = await openStore(entry);
    const upstream = upstreamOf(ctx, entry.subject, signal);
    const asking = {
      ...{ store, principal: identity, context, signal, fetch: upstream, meets, fromCache, now },
      ...withPausedDeadline(channel, pause),
    };
    return work(asking, ctx);
  };
  try {
    const result = await guard<Result, Result>(arrived, entry.subject, {
      timeoutMs: DEFAULT_TIMEOUT_MS,
      args,
      run,
      async shape(raw, { ctx }) {
        const { policy, identity, catalogue } = ctx;
        const rules = masksOf(policy, identity.role);
        return fixed ? raw : maskContents(leaveOut(raw, ctx), rules, contentsSchemaOf(catalogue));
      },
      measure: (shaped) => JSON.stringify(shaped).length,
    });
    return { result, ctx: admitted };
  } catch (failure) {
    if (failure instanceof ToolError) throw toProtocolFault(failure, admitted.policy.signIn.contact);
    if (failure instanceof ProtocolFault || failure instanceof InputNeeded) throw failure;
    const eventId = logFailure("read_failed", failure, { name: entry.subject.name });
    throw new ProtocolFault(JSON_RPC.internalError, `Internal error. Event id: ${eventId}.`);
  }
}

/** Decides on the read as it will run. No person is asked for a read: throws `forbidden` where one would have to be. */
function requireRead(
  ctx: RequestContext,
  { subject }: Entry<unknown>,
  args: Readonly<Record<string, unknown>>,
): void {
  const decision = decide(ctx.policy, ctx.identity, subject, judged(ctx, args));
  requireAllowed(decision);
  if (decision.kind === "approval")
    throw new ToolError(
      "forbidden",
      `${decision.reason} This would need a person's approval, which a ${subject.kind} cannot ask for.`,
    );
}
