import { isDeepStrictEqual } from "node:util";
import { type CompiledRole, compilePolicy, type Policy } from "../../shared/policy/compile.ts";
import { decide } from "../../shared/policy/decide.ts";
import type { PolicyDocument } from "../../shared/policy/schema.ts";
import type { Known } from "./catalogue.ts";

/** A policy to compare, with a name for it. */
export interface Side {
  name: string;
  document: PolicyDocument;
}

/** Says what changes from one policy to another for each role: not as text, but in what its people can do. */
export function describeDifference(before: Side, after: Side, known: Known): string {
  const lines = [
    ...describeChange("default role", before.document.default_role, after.document.default_role),
    ...describeToolLimits(before.document, after.document),
  ];
  const [old, next] = [unconditional(before.document), unconditional(after.document)];
  for (const role of new Set([...old.roles.keys(), ...next.roles.keys()])) {
    const changes = describeRole(role, { old, next }, before, after, known);
    if (changes.length > 0) lines.push(role, ...changes.map((change) => `  ${change}`));
  }
  const head = `${before.name} → ${after.name}`;
  return lines.length === 0 ? `${head}: nothing changes.` : [head, ...lines].join("\n");
}

function describeRole(
  role: string,
  { old, next }: { old: Policy; next: Policy },
  before: Side,
  after: Side,
  known: Known,
): string[] {
  const [was, is] = [old.roles.get(role), next.roles.get(role)];
  const access = known.subjects.flatMap((subject) => {
    const [from, to] = [old, next].map((policy) => judge(policy, role, subject, known.scopes));
    if (from === to) return [];
    const sign = to === "deny" ? "-" : from === "deny" ? "+" : "~";
    return [`${sign} ${subject.kind} ${subject.name}: ${from} → ${to}`];
  });
  if (was === undefined) return ["is new", ...access];
  if (is === undefined) return ["is gone", ...access];
  return [
    ...access,
    ...describeScopes(was, is, known.scopes),
    ...describeConditions(before.document, after.document, role),
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

/** What the role's people can do at best: conditions are compared on their own. */
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

function describeConditions(before: PolicyDocument, after: PolicyDocument, role: string): string[] {
  const [old, next] = [before, after].map(
    ({ roles }) => new Map((roles[role]?.conditions ?? []).map((condition) => [condition.name, condition])),
  ) as [Map<string, unknown>, Map<string, unknown>];
  return [...new Set([...old.keys(), ...next.keys()])].flatMap((name) => {
    if (!next.has(name)) return [`- condition ${name}`];
    if (!old.has(name)) return [`+ condition ${name}`];
    return isDeepStrictEqual(old.get(name), next.get(name)) ? [] : [`~ condition ${name}`];
  });
}

function describeToolLimits(before: PolicyDocument, after: PolicyDocument): string[] {
  const [old, next] = [before.tool_limits ?? {}, after.tool_limits ?? {}];
  return [...new Set([...Object.keys(old), ...Object.keys(next)])].flatMap((tool) =>
    describeChange(
      `limit of ${tool} for everybody`,
      old[tool]?.calls_per_minute ?? "none",
      next[tool]?.calls_per_minute ?? "none",
    ),
  );
}

function describeFields(what: string, was: object, is: object): string[] {
  const now = is as Record<string, string | number>;
  return Object.entries(was as Record<string, string | number>).flatMap(([field, value]) =>
    describeChange(`${what} ${field}`, value, now[field] ?? "none"),
  );
}

function describeChange(what: string, from: string | number, to: string | number): string[] {
  return from === to ? [] : [`~ ${what}: ${from} → ${to}`];
}
