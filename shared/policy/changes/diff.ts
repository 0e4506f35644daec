import { isDeepStrictEqual } from "node:util";
import { type CompiledRole, compilePolicy, type Policy } from "../compile.ts";
import { RIGHT_NAMES } from "../console.ts";
import { decide } from "../decide.ts";
import type { PolicyDocument } from "../schema.ts";
import type { Known } from "./known.ts";

/** A policy to compare, with a name for it. */
export interface Side {
  name: string;
  document: PolicyDocument;
}

/** What changes for one role; `null` for everyone. */
export interface Difference {
  role: string | null;
  /** Sentences that begin with `+`, `-` or `~`, and the words that the role is new or gone. */
  changes: readonly string[];
}

/**
 * Lists the changes from one policy to another for each role: not the text, but what its users can do. Roles without a
 * change are left out.
 */
export function listDifferences(before: PolicyDocument, after: PolicyDocument, known: Known): Difference[] {
  const general = [
    ...describeChange("default role", before.default_role, after.default_role),
    ...describeToolLimits(before, after),
    ...describeFields("retention", before.retention, after.retention),
    ...describeFields("alerts", before.alerts, after.alerts),
    ...describeSignIn(before, after),
    ...describeChange("publishing", before.publish ?? "one_person", after.publish ?? "one_person"),
  ];
  const [old, next] = [unconditional(before), unconditional(after)];
  const roles = [...new Set([...old.roles.keys(), ...next.roles.keys()])].map((role) => ({
    role,
    changes: describeRole(role, { old, next }, before, after, known),
  }));
  return [{ role: null, changes: general }, ...roles].filter(({ changes }) => changes.length > 0);
}

/** {@link listDifferences} as text. */
export function describeDifference(before: Side, after: Side, known: Known): string {
  const lines = listDifferences(before.document, after.document, known).flatMap(({ role, changes }) =>
    role === null ? changes : [role, ...changes.map((change) => `  ${change}`)],
  );
  const head = `${before.name} → ${after.name}`;
  if (lines.length > 0) return [head, ...lines].join("\n");
  return isDeepStrictEqual(before.document, after.document)
    ? `${head}: nothing changes.`
    : `${head}: no role can do more or less; only descriptions, messages or names differ.`;
}

function describeRole(
  role: string,
  { old, next }: { old: Policy; next: Policy },
  before: PolicyDocument,
  after: PolicyDocument,
  known: Known,
): string[] {
  const [was, is] = [old.roles.get(role), next.roles.get(role)];
  const access = known.subjects.flatMap((subject) => {
    const [from, to] = [old, next].map((policy) => judge(policy, role, subject, known.scopes));
    if (from === to) return [];
    const sign = to === "deny" ? "-" : from === "deny" ? "+" : "~";
    return [`${sign} ${subject.kind} ${subject.name}: ${from} → ${to}`];
  });
  if (is === undefined) return ["is gone", ...access];
  if (was === undefined) return ["is new", ...access, ...describeRights(was, is)];
  const [from, to] = [before.roles[role], after.roles[role]];
  return [
    ...access,
    ...describeScopes(was, is, known.scopes),
    ...describeRules("condition", from?.conditions, to?.conditions),
    ...describeRules("approval rule", from?.require_approval, to?.require_approval),
    ...describeChange("approves", listOf(from?.approves), listOf(to?.approves)),
    ...describeRights(was, is),
    ...describeChange(
      "second factor",
      was.mfaRequired ? "required" : "optional",
      is.mfaRequired ? "required" : "optional",
    ),
    ...describeFields("limit", was.limits, is.limits),
    ...describeFields("mask", was.masks.fields, is.masks.fields),
    ...describeChange("mask text", was.masks.text.join(" "), is.masks.text.join(" ")),
  ];
}

/** The best access of the role's users: conditions are compared separately. */
function judge(policy: Policy, role: string, subject: Known["subjects"][number], scopes: readonly string[]) {
  return decide(policy, { role, scopes, ip: null, country: null, at: 0, mfaAt: 0 }, subject).kind;
}

function unconditional(document: PolicyDocument): Policy {
  const policy = compilePolicy(document);
  const roles = [...policy.roles].map(([name, role]): [string, CompiledRole] => [
    name,
    { ...role, conditions: [] },
  ]);
  return { ...policy, roles: new Map(roles) };
}

function describeScopes(was: CompiledRole, is: CompiledRole, scopes: readonly string[]): string[] {
  return scopes.flatMap((scope) => {
    const [from, to] = [was, is].map((role) => role.scopes(scope) !== null);
    return from === to ? [] : [`${to ? "+" : "-"} scope ${scope}`];
  });
}

function describeRights(was: CompiledRole | undefined, is: CompiledRole): string[] {
  return RIGHT_NAMES.flatMap((right) => {
    const [from, to] = [was?.console.has(right) ?? false, is.console.has(right)];
    return from === to ? [] : [`${to ? "+" : "-"} console right ${right}`];
  });
}

/** Rules by their names, or globs that stand for one: which came, went, or say something else. */
function describeRules(
  what: string,
  before: readonly (string | { name: string })[] = [],
  after: readonly (string | { name: string })[] = [],
): string[] {
  const [old, next] = [before, after].map(
    (rules) => new Map(rules.map((rule) => [typeof rule === "string" ? rule : rule.name, rule])),
  ) as [Map<string, unknown>, Map<string, unknown>];
  return [...new Set([...old.keys(), ...next.keys()])].flatMap((name) => {
    if (!next.has(name)) return [`- ${what} ${name}`];
    if (!old.has(name)) return [`+ ${what} ${name}`];
    return isDeepStrictEqual(old.get(name), next.get(name)) ? [] : [`~ ${what} ${name}`];
  });
}

function describeToolLimits(before: PolicyDocument, after: PolicyDocument): string[] {
  const [old, next] = [before.tool_limits ?? {}, after.tool_limits ?? {}];
  return [...new Set([...Object.keys(old), ...Object.keys(next)])].flatMap((tool) =>
    describeChange(
      `limit of ${tool} for all users together`,
      old[tool]?.calls_per_minute ?? "none",
      next[tool]?.calls_per_minute ?? "none",
    ),
  );
}

/** Sign-in: passwords, whom to ask, and which providers came, went, or say something else. */
function describeSignIn({ sign_in: was }: PolicyDocument, { sign_in: is }: PolicyDocument): string[] {
  const named = (providers = {}) =>
    Object.entries(providers).map(([name, provider]) => ({ ...(provider as object), name }));
  return [
    ...describeChange("passwords", was?.password ?? "allowed", is?.password ?? "allowed"),
    ...describeChange("people ask", was?.contact ?? "an administrator", is?.contact ?? "an administrator"),
    ...describeRules("sign-in provider", named(was?.providers), named(is?.providers)),
  ];
}

function listOf(globs: readonly string[] | undefined): string {
  return globs?.join(", ") || "nothing";
}

type Shown = string | number | boolean;

function describeFields(what: string, was: object, is: object): string[] {
  const now = is as Record<string, Shown>;
  return Object.entries(was as Record<string, Shown>).flatMap(([field, value]) =>
    describeChange(`${what} ${field}`, value, now[field] ?? "none"),
  );
}

function describeChange(what: string, from: Shown, to: Shown): string[] {
  return from === to ? [] : [`~ ${what}: ${from} → ${to}`];
}
