import type { MaskRules } from "../call/mask-rules.ts";
import { canonicalize, digestText } from "../encoding/canonical-json.ts";
import type { AlertRules } from "./alerts.ts";
import { type CompiledApproval, compileApprovals } from "./approvals.ts";
import type { Requirement } from "./conditions/condition.ts";
import { compileRequirements } from "./conditions/kinds.ts";
import { type ConsoleRight, expandRights } from "./console.ts";
import type { InformationFlowRules } from "./flow/information-flow.ts";
import { isAbout, type Use } from "./flow/uses.ts";
import { compileGlobs, type GlobMatch } from "./glob.ts";
import {
  compileEventLimits,
  compileLimits,
  compileToolLimits,
  type EventLimits,
  type LimitRules,
} from "./limits.ts";
import { compileMask } from "./masks.ts";
import type { RetentionRules } from "./retention.ts";
import type { ConditionDocument, LimitsDocument, PolicyDocument, RoleDocument } from "./schema.ts";
import { compileSignIn, type SignInRules } from "./sign-in/sign-in.ts";

/** The kinds of subjects in a policy. */
export type SubjectKind = "tool" | "resource" | "prompt" | "event";

type Matcher = (name: string) => GlobMatch | null;

/** One compiled condition. */
export interface CompiledCondition {
  /** `roles.sales.conditions.close-deals`. */
  rule: string;
  message: string;
  covers(subject: Use & { kind: SubjectKind; name: string }): boolean;
  /** All of these must hold. */
  requirements: readonly Requirement[];
}

/** One compiled role. */
export interface CompiledRole {
  scopes: Matcher;
  allowed: Readonly<Record<SubjectKind, Matcher>>;
  denied: Readonly<Record<SubjectKind, Matcher>>;
  conditions: readonly CompiledCondition[];
  /** Rules for calls that need an approval. */
  approvals: readonly CompiledApproval[];
  /** Tools whose calls this role may approve for other users. */
  approves: Matcher;
  /** What people of this role may do in the console. */
  console: ReadonlySet<ConsoleRight>;
  /** Whether what it may do changes by itself with time. */
  changesWithTime: boolean;
  /** Whether nothing goes without a second factor. */
  mfaRequired: boolean;
  limits: LimitRules;
  eventLimits: EventLimits;
  masks: MaskRules;
}

/** A policy with all globs, networks, times and expressions compiled. Immutable. */
export interface Policy {
  /** 1 for the bundled policy; published versions count on from there. */
  version: number;
  /** SHA-256 of its document in canonical JSON (RFC 8785), 64 hex digits. */
  digest: string;
  /** Publication number, which only grows; 0 before the first publication. */
  publication: number;
  /** The revision (SHA-256) in force of each server with published definitions, by server name. */
  revisions: ReadonlyMap<string, string>;
  defaultRole: string;
  roles: ReadonlyMap<string, CompiledRole>;
  retention: RetentionRules;
  alerts: AlertRules;
  /** Calls per minute of all users together, by tool. */
  toolLimits: ReadonlyMap<string, number>;
  /** How long a session remembers what it has met. */
  informationFlow: InformationFlowRules;
  /** How people sign in. */
  signIn: SignInRules;
  /** Whether the console lets only a person publish a draft who did not write in it. */
  takesTwoToPublish: boolean;
}

/**
 * Compiles a policy once for all later calls. Throws `ExpressionError` for an invalid condition; `npm run
 * policy -- check` reports its position.
 */
export function compilePolicy(
  document: PolicyDocument,
  version = 1,
  digest = digestText(canonicalize(document)),
): Policy {
  const roles = Object.entries(document.roles).map(([name, role]): [string, CompiledRole] => [
    name,
    compileRole(name, role, document.limits),
  ]);
  return {
    version,
    digest,
    publication: 0,
    revisions: new Map(),
    defaultRole: document.default_role,
    roles: new Map(roles),
    toolLimits: compileToolLimits(document.tool_limits),
    retention: document.retention,
    alerts: document.alerts,
    informationFlow: document.information_flow,
    signIn: compileSignIn(document.sign_in),
    takesTwoToPublish: document.publish === "two_people",
  };
}

function compileRole(name: string, role: RoleDocument, limits: LimitsDocument): CompiledRole {
  const conditions = (role.conditions ?? []).map((condition) => compileCondition(name, condition));
  return {
    scopes: compileGlobs(role.scopes),
    allowed: {
      tool: compileGlobs(role.allowed_tools),
      resource: compileGlobs(role.allowed_resources),
      prompt: compileGlobs(role.allowed_prompts),
      event: compileGlobs(role.allowed_events ?? []),
    },
    denied: {
      tool: compileGlobs(role.denied_tools ?? []),
      resource: compileGlobs(role.denied_resources ?? []),
      prompt: compileGlobs(role.denied_prompts ?? []),
      event: compileGlobs(role.denied_events ?? []),
    },
    conditions,
    changesWithTime: conditions.some(({ requirements }) => requirements.some(({ readsTime }) => readsTime)),
    approvals: compileApprovals(name, role.require_approval),
    approves: compileGlobs(role.approves ?? []),
    console: expandRights(role.console ?? []),
    mfaRequired: role.mfa === "required",
    limits: compileLimits(limits, role.limits),
    eventLimits: compileEventLimits(limits, role.limits),
    masks: compileMask(role.mask),
  };
}

function compileCondition(role: string, condition: ConditionDocument): CompiledCondition {
  const about = {
    tool: compileGlobs(condition.tools ?? []),
    resource: compileGlobs(condition.resources ?? []),
    prompt: compileGlobs(condition.prompts ?? []),
    event: compileGlobs(condition.events ?? []),
  };
  const { name, message, require } = condition;
  return {
    rule: `roles.${role}.conditions.${name}`,
    message,
    covers: (subject) => isAbout(condition, subject) && about[subject.kind](subject.name) !== null,
    requirements: compileRequirements(require),
  };
}
