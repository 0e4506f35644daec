import { findNearMisses } from "../../text/near-misses.ts";
import type { SubjectKind } from "../compile.ts";
import { type ArgumentTypes, compileExpression, ExpressionError } from "../expression.ts";
import { isAbout } from "../flow/uses.ts";
import { compileGlobs } from "../glob.ts";
import type { PolicyDocument, RoleDocument } from "../schema.ts";
import { typeArguments } from "./argument-types.ts";
import type { Known, KnownSubject } from "./known.ts";
import {
  describeExpressionError,
  type FieldPath,
  listExpressions,
  type Mistake,
  type PlacedExpression,
  type ReadPolicy,
} from "./read-policy.ts";

type Locate = ReadPolicy["locate"];

const LISTS: readonly { field: keyof RoleDocument; kind: SubjectKind }[] = [
  { field: "allowed_tools", kind: "tool" },
  { field: "denied_tools", kind: "tool" },
  { field: "allowed_resources", kind: "resource" },
  { field: "denied_resources", kind: "resource" },
  { field: "allowed_prompts", kind: "prompt" },
  { field: "denied_prompts", kind: "prompt" },
  { field: "allowed_events", kind: "event" },
  { field: "denied_events", kind: "event" },
  { field: "approves", kind: "tool" },
];

const ABOUT = [
  { field: "tools", kind: "tool" },
  { field: "resources", kind: "resource" },
  { field: "prompts", kind: "prompt" },
  { field: "events", kind: "event" },
] as const;

/**
 * Checks a policy against the registry. Reports globs and scopes without a match, because a misspelled deny
 * protects nothing, and expressions that do not fit the arguments of every tool they cover.
 */
export function checkAgainst(document: PolicyDocument, known: Known, locate: Locate): Mistake[] {
  const namesOf = (kind: SubjectKind) =>
    known.subjects.filter((subject) => subject.kind === kind).map(({ name }) => name);
  const mistakes = Object.entries(document.roles).flatMap(([role, rules]) => [
    ...findStrangers(rules.scopes, "scope", known.scopes, ["roles", role, "scopes"], locate),
    ...LISTS.flatMap(({ field, kind }) => {
      const globs = (rules[field] ?? []) as readonly string[];
      return findStrangers(globs, kind, namesOf(kind), ["roles", role, field], locate);
    }),
    ...(rules.conditions ?? []).flatMap((condition, index) =>
      ABOUT.flatMap(({ field, kind }) => {
        const path = ["roles", role, "conditions", index, field];
        return findStrangers(condition[field] ?? [], kind, namesOf(kind), path, locate);
      }),
    ),
    ...(rules.require_approval ?? []).flatMap((rule, index) => {
      const path = ["roles", role, "require_approval", index];
      return typeof rule === "string"
        ? findStrangers([rule], "tool", namesOf("tool"), path.slice(0, -1), locate, index)
        : findStrangers(rule.tools, "tool", namesOf("tool"), [...path, "tools"], locate);
    }),
  ]);
  const expressions = listExpressions(document).flatMap((placed) =>
    findMisfits(placed, known).map((message) => locate(placed.path, message)),
  );
  const limited = Object.keys(document.tool_limits ?? {}).flatMap((tool) =>
    findStrangers([tool], "tool", namesOf("tool"), ["tool_limits", tool], locate).map((mistake) => ({
      ...mistake,
      field: `tool_limits.${tool}`,
    })),
  );
  const isDefined = ({ message }: Mistake) =>
    known.defined?.some((name) => message.startsWith(`"${name}_`) || message.startsWith(`"${name}:`)) ??
    false;
  return [
    ...mistakes.filter((mistake) => !isDefined(mistake)),
    ...limited,
    ...expressions,
    ...findUnapprovable(document, known, locate),
  ];
}

/** Rules whose approval no role can give: they always refuse, which is the purpose of `denied_tools`. */
function findUnapprovable({ roles }: PolicyDocument, { subjects }: Known, locate: Locate): Mistake[] {
  const approves = compileGlobs(Object.values(roles).flatMap((role) => role.approves ?? []));
  return Object.entries(roles).flatMap(([role, { require_approval: rules = [] }]) =>
    rules.flatMap((rule, index) => {
      const document = typeof rule === "string" ? { tools: [rule], effects: undefined } : rule;
      if ("self_approval" in document && document.self_approval) return [];
      const covered = compileGlobs(document.tools);
      const orphan = subjects.find(
        (subject) =>
          subject.kind === "tool" &&
          covered(subject.name) !== null &&
          isAbout(document, subject) &&
          approves(subject.name) === null,
      );
      if (orphan === undefined) return [];
      const message = `no role can approve ${orphan.name}: name it under \`approves\` of a role`;
      return [locate(["roles", role, "require_approval", index], message)];
    }),
  );
}

function findStrangers(
  globs: readonly string[],
  what: string,
  names: readonly string[],
  path: FieldPath,
  locate: Locate,
  first = 0,
): Mistake[] {
  return globs.flatMap((glob, offset) => {
    const index = first + offset;
    const match = compileGlobs([glob]);
    if (names.some((name) => match(name) !== null)) return [];
    const near = findNearMisses(glob, names);
    const hint = near.length > 0 ? ` Did you mean ${near.join(", ")}?` : "";
    return [locate([...path, index], `"${glob}" names no ${what}.${hint}`)];
  });
}

/** Type-checks the expression once for each tool it covers, with that tool's own arguments. */
function findMisfits(placed: PlacedExpression, { subjects }: Known): string[] {
  const covered = compileGlobs(placed.covers.tools ?? []);
  return subjects
    .filter(
      (subject) =>
        subject.kind === "tool" && covered(subject.name) !== null && isAbout(placed.covers, subject),
    )
    .flatMap((tool) => findMisfit(placed, tool).map((message) => `For ${tool.name}: ${message}`));
}

function findMisfit({ expression: source, whenFailed }: PlacedExpression, { input }: KnownSubject): string[] {
  const { types, optional } = typeArguments(input);
  const expression = compileOrExplain(source, types);
  if (typeof expression === "string") return [expression];
  const known = Object.keys(types);
  return expression.arguments.flatMap((name) => {
    if (!known.includes(name)) {
      const near = findNearMisses(name, known);
      return [`it has no argument "${name}". It has: ${(near.length > 0 ? near : known).join(", ")}.`];
    }
    if (!optional.includes(name) || expression.guarded.includes(name)) return [];
    return [`"${name}" may be left out, which would ${whenFailed}. Ask has(args.${name}) first.`];
  });
}

function compileOrExplain(source: string, types: ArgumentTypes) {
  try {
    return compileExpression(source, types);
  } catch (failure) {
    if (failure instanceof ExpressionError) return describeExpressionError(source, failure);
    throw failure;
  }
}
