import { openApprovalLink } from "../../../shared/auth/approval-link.ts";
import { openKeyring } from "../../../shared/auth/keyring.ts";
import type { EntityReference } from "../../../shared/call/entity-reference.ts";
import type { MaskRules } from "../../../shared/call/mask-rules.ts";
import type { PreviewedChange } from "../../../shared/call/proposal.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import { maskLabel } from "../../../shared/guard/masking/mask-session-memory.ts";
import { type ApprovalItem, approvalGate, toolsOf } from "../../../shared/objects/approval-gate.ts";
import type { Policy } from "../../../shared/policy/compile.ts";
import { roleMayApprove } from "../../../shared/policy/current.ts";
import { masksOf } from "../../../shared/policy/masks.ts";
import { isFresh } from "../../../shared/policy/second-factor.ts";
import { maskFields } from "../../../shared/redact/mask-fields.ts";
import { maskValue } from "../../../shared/redact/mask-value.ts";
import type { Catalogue } from "../../../shared/server/catalogue.ts";
import type { ToolDefinition } from "../../../shared/server/define.ts";

import { openCatalogueOf } from "../../catalogues.ts";
import { findApp } from "../account/find-app.ts";
import { findPerson, type Person } from "../people.ts";
import { missingWithoutOwn, requiresFactor } from "../second-factor/requirement.ts";
import type { SignIn } from "../sign-in/auth.ts";
import { actsFor } from "../teams/own-teams.ts";

/**
 * Milliseconds since the second factor (or since sign-in, for a user without one) within which a user may
 * approve calls of their own apps.
 */
const FRESH_MS = 15 * 60_000;

/** What the viewer may do with a request. */
export type Powers =
  /** The viewer's role may approve the tool for other users. */
  | "decide"
  /** The viewer is the requester, and the rule allows self-approval. */
  | "decide_own"
  /** `decide_own` after signing in again. */
  | "confirm_first"
  /** The viewer may approve after a second factor, or after a fresh one. */
  | "code_first"
  /** The viewer may approve after setting up the second factor that their role requires. */
  | "set_up_first"
  /** The viewer is the requester, or acts or acted for it: may read and withdraw the request. */
  | "withdraw";

/** A request with everything that its page shows, as the viewer may see it. */
export interface OpenedApproval {
  item: ApprovalItem;
  tool: ToolDefinition | null;
  powers: Powers;
  /** The requester; `null` if the account is no longer active. */
  requester: Person | null;
  /** Name and verified domain of the app; `null` if it is no longer connected. */
  app: { name: string; domain: string | null } | null;
  /** The arguments as the viewer's role may see them; `null` if they are deleted. */
  values: Record<string, JsonValue> | null;
  /** The records behind their ids, masked for the viewer. */
  subjects: readonly EntityReference[];
  /** The changes the call would make, masked for the viewer; empty if its tool has no preview. */
  preview: readonly PreviewedChange[];
  /** Some values are masked for the viewer or were not stored. */
  masked: boolean;
  /** Why an approval would have no effect; `null` if it would have one. */
  obstacle: string | null;
}

/** Result of opening a link. */
export type ApprovalLookup =
  | { kind: "opened"; opened: OpenedApproval }
  /** The signature is invalid. */
  | { kind: "damaged" }
  /** The request has been deleted. */
  | { kind: "unknown" }
  /** The viewer may not see it. */
  | { kind: "forbidden" };

/** The catalogue of all servers: an approval may be for a tool at any URL. */
export function fullCatalogue(env: Env, policy: Policy): Promise<Catalogue> {
  return openCatalogueOf("").at(env, policy.revisions);
}

/** Opens a link for a signed-in user, with their current role and policy. */
export async function openApproval(
  env: Env,
  policy: Policy,
  signIn: SignIn,
  link: string,
): Promise<ApprovalLookup> {
  const opened = await openApprovalLink(openKeyring(env, "APPROVAL_LINK_KEY"), link);
  return opened === null ? { kind: "damaged" } : await openRequest(env, policy, signIn, opened);
}

/** Opens a request by its id and requester, with the viewer's current role and policy. */
export async function openRequest(
  env: Env,
  policy: Policy,
  signIn: SignIn,
  request: { approvalId: string; requester: string },
): Promise<Exclude<ApprovalLookup, { kind: "damaged" }>> {
  const item = await approvalGate(env, request.requester).readApproval(request.approvalId);
  if (item === null) return { kind: "unknown" };
  const { person } = signIn;
  const own = item.requester === person.id;
  // What a team's service account asks, its members ask, those of then as well: another person approves it.
  const acts = !own && (await actsFor(env.PLATFORM_DB, person.id, item.requester));
  const held = acts || item.holders?.includes(person.id) === true;
  const may = toolsOf(item.binding).every((tool) => roleMayApprove(policy, person.role, tool));
  if (!own && !acts && !may) return { kind: "forbidden" };
  const powers = held ? "withdraw" : powersOver(item, own, signIn, requiresFactor(policy, person.role));
  const [requester, app] = await Promise.all([
    findPerson(env.PLATFORM_DB, item.requester),
    findApp(env, item.requester, item.binding.grantId),
  ]);
  const catalogue = await fullCatalogue(env, policy);
  const tool = catalogue.tools.get(item.binding.tool)?.definition ?? null;
  const stored = item.shown?.values ?? null;
  const values = stored && tool && maskFields(tool.input, stored, masksOf(policy, person.role));
  const named = item.shown?.subjects ?? [];
  const subjects = named.map((subject) => maskLabel(subject, masksOf(policy, person.role)));
  const changes = item.shown?.preview ?? [];
  const preview = changes.map((change) => maskPreview(change, masksOf(policy, person.role)));
  const text = JSON.stringify([values, subjects, preview]);
  const masked = text !== JSON.stringify([stored, named, changes]) || text.includes("•••");
  const obstacle = findObstacle(item, policy, { requester, tool, app });
  return {
    kind: "opened",
    opened: { item, tool, powers, requester, app, values, subjects, preview, masked, obstacle },
  };
}

/** A previewed change, masked for a role. */
function maskPreview(change: PreviewedChange, rules: MaskRules): PreviewedChange {
  const fields = change.fields.map((field) => {
    if (rules.fields[field.classification ?? "internal"] === "show") return field;
    const hide = (value: string | null) => (value === null ? null : maskValue(value));
    return { ...field, from: hide(field.from), to: hide(field.to) };
  });
  return { ...change, record: maskLabel(change.record, rules), fields };
}

/**
 * A viewer with a second factor (a passkey is one), or with a role that requires one, needs it to approve, and a fresh
 * one for their own calls. A password alone opens a session of a person with a passkey, so the session is asked.
 */
function powersOver(
  { selfApproval }: ApprovalItem,
  own: boolean,
  { at, mfaAt, hasPasskey, hasSecondFactor: hasApp }: SignIn,
  required: boolean,
): Powers {
  if (own && !selfApproval) return "withdraw";
  const hasSecondFactor = hasApp || hasPasskey;
  const now = Date.now();
  if (hasSecondFactor || required || mfaAt !== null) {
    const given = own ? isFresh(mfaAt, FRESH_MS, now) : mfaAt !== null || !(required || hasSecondFactor);
    // One that was given elsewhere, and is too old, is given there again.
    if (!given && !hasSecondFactor && missingWithoutOwn(mfaAt) === "sign_in") return "confirm_first";
    if (!given) return hasSecondFactor ? "code_first" : "set_up_first";
    return own ? "decide_own" : "decide";
  }
  if (!own) return "decide";
  // A provider that does not say when it asked the person last cannot say that it was just now.
  if (at.getTime() === 0) return "set_up_first";
  return isFresh(at.getTime(), FRESH_MS, now) ? "decide_own" : "confirm_first";
}

function findObstacle(
  { binding, disconnected }: ApprovalItem,
  policy: Policy,
  { requester, tool, app }: Pick<OpenedApproval, "requester" | "tool" | "app">,
): string | null {
  if (requester === null) return "The requester's account is no longer active, so this call cannot run.";
  if (disconnected || app === null)
    return "The app that asked has been disconnected, so this call cannot run.";
  if (tool === null) return "This tool does not exist any more, so this call cannot run.";
  if (binding.policyDigest === policy.digest) return null;
  return "The policy has changed since this was asked. The app has to make its call again, under the new policy.";
}
