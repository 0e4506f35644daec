import type { z } from "zod";
import { signApprovalLink } from "../../auth/approval-link.ts";
import { openKeyring } from "../../auth/keyring.ts";
import type { EntityReference } from "../../call/entity-reference.ts";
import type { MaskRules } from "../../call/mask-rules.ts";
import type { PreviewedChange } from "../../call/proposal.ts";
import type { Subject } from "../../call/subject.ts";
import { ToolError } from "../../call/tool-error.ts";
import { canonicalize, digestText } from "../../encoding/canonical-json.ts";
import type { JsonValue } from "../../encoding/json.ts";
import {
  type ApprovalAnswer,
  type ApprovalRequest,
  approvalGate,
  type ShownArguments,
} from "../../objects/approval-gate.ts";
import { listRoles, policyInForce, roleMayApprove } from "../../policy/current.ts";
import type { Decision } from "../../policy/decide.ts";
import { maskFields } from "../../redact/mask-fields.ts";
import { maskStored } from "../../redact/mask-stored.ts";
import { decide, requireAllowed } from "../decide.ts";
import type { ClientChannel, RequestContext } from "../request-context.ts";
import type { PauseDeadline } from "../run.ts";
import { describePreview } from "./describe-preview.ts";
import { explainApproval } from "./explain-approval.ts";
import { nameSubjects } from "./name-subjects.ts";

/** Milliseconds that a call waits for a decision while its client shows the person the way to the page. */
export const APPROVAL_WAIT_MS: Record<RequestContext["lane"], number> = {
  // The stream of the call stays open, with signs of life.
  sessionful: 5 * 60_000,
  // A plain request and answer: most clients give up after a minute.
  stateless: 20_000,
};

/** Longest arguments, as characters of JSON, that a person can be asked about. */
const LONGEST_SHOWN = 512 * 1024;

/** Stored with a request: everything but secrets and payment cards, and the page masks again for whoever reads it. */
const STORED: MaskRules = {
  fields: { public: "show", internal: "show", pii: "show", secret: "drop" },
  text: ["secret"],
};

/** What the rules that ask for a person say together. */
interface Need extends Pick<Extract<Decision, { kind: "approval" }>, "rule" | "reason"> {
  selfApproval: boolean;
  expiresMinutes: number;
  /** Tools other than the called one whose rules ask. */
  alsoFor: string[];
}

/** Another tool whose right a call needs, with the arguments that the right is about. */
export interface SubjectCall {
  subject: Subject;
  args: Readonly<Record<string, unknown>>;
}

/** A call whose arguments are complete: what the tool would get, and where it came from. */
export interface CompleteCall {
  callId: string;
  subject: Subject;
  title: string;
  schema: z.ZodObject;
  input: Record<string, unknown>;
  /** Names of arguments that session defaults filled in. */
  inherited: readonly string[];
  /** Reads the names behind the ids among them. */
  readSubjects(): Promise<EntityReference[]>;
  /** The rights that it needs besides its own. */
  readNeeds(): Promise<SubjectCall[]>;
  /** Refuses what would be refused anyway, before anybody is asked. */
  check(): Promise<void>;
  /** What it would change, or `null` where its tool does not say. */
  readPreview(): Promise<PreviewedChange[] | null>;
  /** The channel to the client, masked for its person. */
  channel: ClientChannel;
  signal: AbortSignal;
  hold: PauseDeadline;
}

/**
 * Goes on when the policy allows this very call: at once, or because a person approved it, which uses the approval up.
 * Where the person may approve it themselves and the client can lead them to the page, the call waits for that; what
 * the client says about it only makes us look again. Throws `forbidden`, `insufficient_scope`, `approval_required`,
 * or what the person's object refuses with. Gives whether an approval was used.
 */
export async function requirePermission(ctx: RequestContext, call: CompleteCall): Promise<boolean> {
  const need = await decideCall(ctx, call);
  if (need === null) return false;
  const first = await claim(ctx, call, need);
  if (first.state === "approved") return true;
  if (first.state !== "pending") throw explainApproval(first, ctx);
  const url = await linkTo(ctx, first.approvalId);
  if (!need.selfApproval || !(await leadToPage(ctx, call, need, first.approvalId, url))) {
    throw waiting(need, first.expiresAt, url);
  }
  call.signal.throwIfAborted();
  // Minutes have passed: what was true before need not be true any more.
  ctx.policy = await policyInForce(ctx.env);
  const stillNeeded = await decideCall(ctx, call);
  if (stillNeeded === null) return false;
  const second = await claim(ctx, call, stillNeeded);
  if (second.state === "approved") return true;
  if (second.state !== "pending") throw explainApproval(second, ctx);
  throw waiting(stillNeeded, second.expiresAt, await linkTo(ctx, second.approvalId));
}

/** The call itself first: who may not make it learns nothing about what else it needs. */
async function decideCall({ policy, identity }: RequestContext, call: CompleteCall): Promise<Need | null> {
  const own = decide(policy, identity, call.subject, call.input);
  requireAllowed(own);
  const asking = own.kind === "approval" ? [{ decision: own, tool: call.subject.name }] : [];
  for (const { subject, args } of await call.readNeeds()) {
    const decision = decide(policy, identity, subject, args);
    requireAllowed(decision);
    if (decision.kind === "approval") asking.push({ decision, tool: subject.name });
  }
  if (asking.length === 0) return null;
  const decisions = asking.map(({ decision }) => decision);
  return {
    rule: decisions.map(({ rule }) => rule).join(" and "),
    reason: [...new Set(decisions.map(({ reason }) => reason))].join(" "),
    selfApproval: decisions.every(({ selfApproval }) => selfApproval),
    expiresMinutes: Math.min(...decisions.map(({ expiresMinutes }) => expiresMinutes)),
    alsoFor: asking.map(({ tool }) => tool).filter((tool) => tool !== call.subject.name),
  };
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
  // Once more over everything: a secret may stand in a field that is classified as something else.
  const values = maskStored(maskFields(schema, input, STORED)) as Record<string, JsonValue>;
  const entries = Object.entries(input as Record<string, JsonValue>);
  const preview = await call.readPreview();
  const shown: ShownArguments = {
    values,
    subjects: maskStored(await nameSubjects(() => call.readSubjects(), subject.name)),
    inherited: [...inherited],
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
    shown,
  };
  return await approvalGate(env, identity.userId).claimApproval(request);
}

/** Asks the client to send its person to the page. Gives whether it is worth looking at the approval again. */
async function leadToPage(
  { env, identity, lane }: RequestContext,
  { channel, hold, title }: CompleteCall,
  { reason }: Need,
  approvalId: string,
  url: string,
): Promise<boolean> {
  if (!channel.elicits.form && !channel.elicits.url) return false;
  const gate = approvalGate(env, identity.userId);
  const decided = () => gate.awaitApproval(approvalId, APPROVAL_WAIT_MS[lane]).catch(() => undefined);
  const visited = channel.visit({
    id: approvalId,
    message: `“${title}” waits for your approval. ${reason}`,
    url,
  });
  if (lane === "stateless") {
    // Leaves the call until the client comes back with an answer.
    if ((await visited) === "accept" && channel.elicits.url) await hold(decided());
    return true;
  }
  const answered = visited
    .catch(() => "cancel" as const)
    // Agreeing to open a page is its beginning; the answer to a form, or none, is its end.
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

/** Nobody has decided yet. */
function waiting({ reason, selfApproval }: Need, expiresAt: number, url: string): ToolError {
  const who = selfApproval ? "The person can approve it" : "Somebody else who may do so has to approve it";
  const until = new Date(expiresAt).toISOString().slice(0, 16).replace("T", " ");
  return new ToolError("approval_required", `Nothing has run yet. ${reason} ${who} at ${url}`, {
    suggestedAction: `Show the person this link. Once it is approved, repeat exactly the same call, before ${until} UTC.`,
    retryAfter: 30,
  });
}

/** JSON only: anything else would look the same in the digest whatever it holds. */
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
