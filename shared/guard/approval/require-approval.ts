import type { z } from "zod";
import { signApprovalLink } from "../../auth/approval-link.ts";
import { openKeyring } from "../../auth/keyring.ts";
import type { EntityReference } from "../../call/entity-reference.ts";
import type { MaskRules } from "../../call/mask-rules.ts";
import type { PreviewedChange } from "../../call/proposal.ts";
import type { Subject } from "../../call/subject.ts";
import { ToolError } from "../../call/tool-error.ts";
import { withoutTickets } from "../../connections/file-ticket.ts";
import { canonicalize, digestText } from "../../encoding/canonical-json.ts";
import type { JsonValue } from "../../encoding/json.ts";
import {
  type ApprovalAnswer,
  type ApprovalRequest,
  approvalGate,
  type ShownArguments,
} from "../../objects/approval-gate.ts";
import type { StandingRule } from "../../objects/standing-approval.ts";
import { listRoles, policyInForce, roleMayApprove } from "../../policy/current.ts";
import type { Decision } from "../../policy/decide.ts";
import { maskFields } from "../../redact/mask-fields.ts";
import { maskStored } from "../../redact/mask-stored.ts";
import { judged, requireAllowed } from "../decide.ts";
import { describeMet, tellMet } from "../flow/describe-met.ts";
import type { ClientChannel, RequestContext } from "../request-context.ts";
import type { PauseDeadline } from "../run.ts";
import { describePreview } from "./describe-preview.ts";
import { explainApproval } from "./explain-approval.ts";
import { type Decided, decideWithFactor, explainMissingFactor, leadToFactor } from "./fresh-factor.ts";
import { nameSubjects } from "./name-subjects.ts";

/** Milliseconds that a call waits for a decision while the client leads the user to the approval page. */
export const APPROVAL_WAIT_MS: Record<RequestContext["lane"], number> = {
  // The call's stream stays open, with keep-alive comments.
  sessionful: 5 * 60_000,
  // A plain request and response: most clients time out after a minute.
  stateless: 20_000,
};

/** Most characters of JSON arguments that an approval can show. */
const LONGEST_SHOWN = 512 * 1024;

/**
 * Masks for stored approvals: all but secrets and payment cards are kept, and the page masks again for each
 * reader.
 */
const STORED: MaskRules = {
  fields: { public: "show", internal: "show", pii: "show", secret: "drop" },
  text: ["secret"],
};

/** The combined demand of all rules that require an approval. */
interface Need extends Pick<Extract<Decision, { kind: "approval" }>, "rule" | "reason"> {
  /** The reason, and for what leaves the company also what was read before. */
  told: string;
  selfApproval: boolean;
  expiresMinutes: number;
  /** What may be approved in advance: never a call that needs the permission of another tool too. */
  standing: StandingRule | null;
  /** Other tools whose rules require it. */
  alsoFor: string[];
}

/** Another tool whose permission a call needs, with the arguments that the permission is for. */
export interface SubjectCall {
  subject: Subject;
  args: Readonly<Record<string, unknown>>;
}

/** A call with complete arguments: what the tool will receive, and where each value came from. */
export interface CompleteCall {
  callId: string;
  subject: Subject;
  title: string;
  schema: z.ZodObject;
  input: Record<string, unknown>;
  /** Names of arguments that session defaults filled in. */
  inherited: readonly string[];
  /** Resolves the ids in the arguments to names. */
  readSubjects(): Promise<EntityReference[]>;
  /** Permissions that the call needs in addition to its own. */
  readNeeds(): Promise<SubjectCall[]>;
  /** Throws what the tool would refuse anyway, before a person is asked. */
  check(): Promise<void>;
  /** The changes the call would make, or `null` if its tool has no preview. */
  readPreview(): Promise<PreviewedChange[] | null>;
  /** Keeps what the call needs until its approval ends, in milliseconds since the epoch. */
  keepUntil(time: number): Promise<void>;
  /** The channel to the client, masked for its user. */
  channel: ClientChannel;
  signal: AbortSignal;
  hold: PauseDeadline;
}

/** That a call may run. */
export interface Permission {
  /** The request as it was decided: with the policy and the second factor that counted. */
  ctx: RequestContext;
  /** Whether an approval was consumed. */
  approved: boolean;
}

/**
 * Returns once the policy allows this exact call: at once, or because a person approved it, which consumes
 * the approval. If the user may approve it and the client can show the page, the call waits for the decision;
 * the client's answer only triggers another look at the stored approval. Throws `forbidden`,
 * `insufficient_scope`, `approval_required`, or the Principal object's refusal.
 */
export async function requirePermission(arrived: RequestContext, call: CompleteCall): Promise<Permission> {
  const { ctx, need } = await decideCall(arrived, call);
  if (need === null) return { ctx, approved: false };
  const first = await claim(ctx, call, need);
  if (first.state === "approved") return { ctx, approved: true };
  if (first.state !== "pending") throw explainApproval(first, ctx);
  const url = await linkTo(ctx, first.approvalId);
  if (!need.selfApproval || !(await leadToPage(ctx, call, need, first.approvalId, url))) {
    throw waiting(need, first.expiresAt, url);
  }
  call.signal.throwIfAborted();
  // The user may have taken minutes, so the policy is read again.
  const later = await decideCall({ ...ctx, policy: await policyInForce(ctx.env) }, call);
  if (later.need === null) return { ctx: later.ctx, approved: false };
  const second = await claim(later.ctx, call, later.need);
  if (second.state === "approved") return { ctx: later.ctx, approved: true };
  if (second.state !== "pending") throw explainApproval(second, later.ctx);
  throw waiting(later.need, second.expiresAt, await linkTo(later.ctx, second.approvalId));
}

/** The call itself is decided first: a caller without permission learns nothing about its other needs. */
async function decideCall(
  arrived: RequestContext,
  call: CompleteCall,
): Promise<{ ctx: RequestContext; need: Need | null }> {
  const first = await decideFully(arrived, call, call.subject, call.input);
  const own = first.decision;
  let { ctx } = first;
  const asking = own.kind === "approval" ? [{ decision: own, tool: call.subject.name }] : [];
  for (const { subject, args } of await call.readNeeds()) {
    const decided = await decideFully(ctx, call, subject, args);
    ctx = decided.ctx;
    if (decided.decision.kind === "approval") asking.push({ decision: decided.decision, tool: subject.name });
  }
  if (asking.length === 0) return { ctx, need: null };
  const decisions = asking.map(({ decision }) => decision);
  const reasons = new Set(decisions.map(({ reason }) => reason));
  // The person who lets data out has to know what was read before.
  const before = call.subject.sends === "outside" ? tellMet(ctx.met) : "";
  const need = {
    rule: decisions.map(({ rule }) => rule).join(" and "),
    reason: [...reasons].join(" "),
    told: [...reasons, ...(before === "" ? [] : [before])].join(" "),
    selfApproval: decisions.every(({ selfApproval }) => selfApproval),
    expiresMinutes: Math.min(...decisions.map(({ expiresMinutes }) => expiresMinutes)),
    standing: own.kind === "approval" && asking.length === 1 ? own.standing : null,
    alsoFor: asking.map(({ tool }) => tool).filter((tool) => tool !== call.subject.name),
  };
  return { ctx, need };
}

/** Decides on the full arguments; a fresh second factor that they need is asked for in place. */
async function decideFully(
  ctx: RequestContext,
  { hold }: CompleteCall,
  subject: Subject,
  args: Readonly<Record<string, unknown>>,
): Promise<Decided> {
  let decided = await decideWithFactor(ctx, subject, judged(ctx, args));
  if (decided.decision.kind === "mfa") {
    await hold(leadToFactor(ctx, decided.decision));
    decided = await decideWithFactor(ctx, subject, judged(ctx, args));
  }
  if (decided.decision.kind === "mfa") throw await explainMissingFactor(ctx, decided.decision);
  requireAllowed(decided.decision);
  return decided;
}

async function claim(ctx: RequestContext, call: CompleteCall, need: Need): Promise<ApprovalAnswer> {
  const { env, identity, policy } = ctx;
  const { callId, subject, schema, inherited } = call;
  await call.check();
  const input = toPlainJson(call.input);
  const text = canonicalize(input);
  if (text.length > LONGEST_SHOWN) {
    throw new ToolError(
      "invalid_input",
      "This call needs a person's approval, and its arguments are too long to read.",
      {
        suggestedAction: "Make several smaller calls of it.",
      },
    );
  }
  // Masked again as free text: a secret may be in a field with another classification.
  const values = withoutTickets(maskStored(maskFields(schema, input, STORED))) as Record<string, JsonValue>;
  const entries = Object.entries(input as Record<string, JsonValue>);
  const preview = await call.readPreview();
  const shown: ShownArguments = {
    values,
    subjects: maskStored(await nameSubjects(() => call.readSubjects(), subject.name)),
    inherited: [...inherited],
    met: describeMet(ctx.met),
    ...(preview !== null && { preview: describePreview(preview) }),
    digests: Object.fromEntries(entries.map(([name, value]) => [name, digestText(canonicalize(value))])),
  };
  const request: ApprovalRequest = {
    userId: identity.userId,
    role: identity.role,
    callId,
    binding: {
      clientId: identity.clientId,
      grantId: identity.grantId,
      server: subject.server,
      tool: subject.name,
      argumentsDigest: digestText(text),
      policyDigest: policy.digest,
      rule: need.rule,
      ...(need.alsoFor.length > 0 && { alsoFor: need.alsoFor }),
      ...(preview !== null && { previewDigest: digestText(canonicalize(preview)) }),
    },
    approverRoles: listRoles(policy).filter((role) =>
      [subject.name, ...need.alsoFor].every((tool) => roleMayApprove(policy, role, tool)),
    ),
    reason: need.reason,
    selfApproval: need.selfApproval,
    expiresMinutes: need.expiresMinutes,
    standing: need.standing,
    numbers: Object.fromEntries(entries.filter(([, value]) => typeof value === "number")) as Record<
      string,
      number
    >,
    shown,
  };
  const answer = await approvalGate(env, identity.userId).claimApproval(request);
  if (answer.state === "pending") await call.keepUntil(answer.expiresAt);
  return answer;
}

/** Asks the client to send the user to the page. Resolves with whether to look at the approval again. */
async function leadToPage(
  { env, identity, lane }: RequestContext,
  { channel, hold, title }: CompleteCall,
  { told }: Need,
  approvalId: string,
  url: string,
): Promise<boolean> {
  if (!channel.elicits.form && !channel.elicits.url) return false;
  const gate = approvalGate(env, identity.userId);
  const decided = () => gate.awaitApproval(approvalId, APPROVAL_WAIT_MS[lane]).catch(() => undefined);
  const visited = channel.visit({
    id: approvalId,
    key: "approval_page",
    message: `“${title}” waits for your approval. ${told}`,
    url,
  });
  if (lane === "stateless") {
    // Throws on the stateless lane until the client continues the call with an answer.
    if ((await visited) === "accept" && channel.elicits.url) await hold(decided());
    return true;
  }
  const answered = visited
    .catch(() => "cancel" as const)
    // In URL mode `accept` only means the page was opened; in form mode an answer means the user is done.
    .then((action) =>
      action === "accept" && channel.elicits.url ? new Promise<never>(() => {}) : undefined,
    );
  await hold(Promise.race([decided(), answered]));
  channel.endVisit(approvalId);
  return true;
}

async function linkTo({ env, identity }: RequestContext, approvalId: string): Promise<string> {
  const link = await signApprovalLink(openKeyring(env, "APPROVAL_LINK_KEY"), {
    approvalId,
    requester: identity.userId,
  });
  return `${env.PUBLIC_URL}/approvals/${link}`;
}

/** The error while no decision exists yet. */
function waiting({ told, selfApproval }: Need, expiresAt: number, url: string): ToolError {
  const who = selfApproval ? "The person can approve it" : "Another person who may do so has to approve it";
  const until = new Date(expiresAt).toISOString().slice(0, 16).replace("T", " ");
  return new ToolError("approval_required", `Nothing has run yet. ${told} ${who} at ${url}`, {
    suggestedAction: `Show the person this link. Once it is approved, repeat exactly the same call, before ${until} UTC.`,
    retryAfter: 30,
  });
}

/** JSON values only: anything else has the same digest whatever it contains. */
function toPlainJson(input: Record<string, unknown>): JsonValue {
  return JSON.parse(
    JSON.stringify(input, (name, value: unknown) => {
      const plain = typeof value !== "object" || value === null || Array.isArray(value);
      if (plain || Object.getPrototypeOf(value) === Object.prototype || Object.getPrototypeOf(value) === null)
        return value;
      throw new TypeError(`The argument "${name}" is no JSON, so no approval can be bound to it.`);
    }),
  ) as JsonValue;
}
