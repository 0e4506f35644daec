import { signFactorLink } from "../../auth/approval-link.ts";
import { openKeyring } from "../../auth/keyring.ts";
import type { Subject } from "../../call/subject.ts";
import { ToolError } from "../../call/tool-error.ts";
import { readFreshFactor } from "../../people/fresh-factor.ts";
import type { Decision } from "../../policy/decide.ts";
import { decide, type JudgedCall } from "../decide.ts";
import type { RequestContext } from "../request-context.ts";

/** A decision, and the request as it was decided: with the second factor that counted. */
export interface Decided {
  decision: Decision;
  ctx: RequestContext;
}

type FactorMissing = Extract<Decision, { kind: "mfa" }>;

/** Milliseconds that a call waits while its person gives the second factor, and between two looks. */
const WAIT_MS: Record<RequestContext["lane"], number> = { sessionful: 5 * 60_000, stateless: 20_000 };
const LOOK_MS = 1_000;

/**
 * Decides as {@link decide} does. Where only a fresh second factor is missing, one that the person gave for this app since
 * it was connected counts too, and is part of the request from then on.
 */
export async function decideWithFactor(
  ctx: RequestContext,
  subject: Subject,
  call?: JudgedCall,
): Promise<Decided> {
  const decision = decide(ctx.policy, ctx.identity, subject, call);
  if (decision.kind !== "mfa") return { decision, ctx };
  const mfaAt = await readFactor(ctx);
  if (mfaAt === null || mfaAt <= (ctx.identity.mfaAt ?? 0)) return { decision, ctx };
  const identity = { ...ctx.identity, mfaAt };
  return { decision: decide(ctx.policy, identity, subject, call), ctx: { ...ctx, identity } };
}

/**
 * Leads the person to the page where they give their second factor for this app, if the client can open it, and waits.
 * Returns once it may have been given; decide again. Throws `mfa_required` with the page's address for other clients, and
 * the stateless lane's question.
 */
export async function leadToFactor(ctx: RequestContext, { reason }: FactorMissing): Promise<void> {
  const { channel, identity, lane } = ctx;
  const url = await addressOf(ctx);
  if (!channel.elicits.form && !channel.elicits.url) throw factorMissing(reason, url);
  const id = crypto.randomUUID();
  const message = `A call waits for your second factor. ${reason}`;
  const visited = channel.visit({ id, key: "factor_page", message, url });
  // Throws on the stateless lane until the client continues the call with an answer.
  const action = lane === "stateless" ? await visited : undefined;
  if (action !== undefined && action !== "accept") throw factorMissing(reason, url);
  const before = identity.mfaAt ?? 0;
  let over = false;
  // In form mode an answer means that the person is done; in URL mode only that the page was opened.
  const answered = visited
    .catch(() => "cancel" as const)
    .then((answer) => {
      if (answer !== "accept" || !channel.elicits.url) over = true;
    });
  const end = Date.now() + WAIT_MS[lane];
  while (!over && !ctx.signal.aborted && Date.now() < end) {
    const mfaAt = await readFactor(ctx);
    if (mfaAt !== null && mfaAt > before) break;
    await Promise.race([answered.then(() => pause(over ? 0 : LOOK_MS)), pause(LOOK_MS)]);
  }
  channel.endVisit(id);
  ctx.signal.throwIfAborted();
}

/** The error while the factor is missing, with the page where the person gives it. */
export async function explainMissingFactor(
  ctx: RequestContext,
  { reason }: FactorMissing,
): Promise<ToolError> {
  return factorMissing(reason, await addressOf(ctx));
}

function factorMissing(reason: string, url: string): ToolError {
  return new ToolError("mfa_required", `${reason} The person gives it at ${url}`, {
    suggestedAction: "Show the person this link. Once they have confirmed there, repeat the call unchanged.",
  });
}

function readFactor({ env, identity }: RequestContext): Promise<number | null> {
  return readFreshFactor(env.PLATFORM_DB, identity.userId, identity.grantId);
}

async function addressOf({ env, identity }: RequestContext): Promise<string> {
  const { grantId, userId } = identity;
  const link = await signFactorLink(openKeyring(env, "APPROVAL_LINK_KEY"), { grantId, userId });
  return `${env.PUBLIC_URL}/account/factor/${link}`;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
