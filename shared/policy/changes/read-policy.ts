import { type Document, isMap, isNode, isScalar, LineCounter, parseDocument, visit } from "yaml";
import type { z } from "zod";
import { compilePolicy, type Policy } from "../compile.ts";
import { compileExpression, ExpressionError } from "../expression.ts";
import { type ConditionDocument, type PolicyDocument, policyDocument } from "../schema.ts";
import { describeIssue } from "./describe-issue.ts";

/** A mistake with its place. */
export interface Mistake {
  file: string;
  line: number;
  /** Path of the field, such as `roles.sales.scopes[1]`; empty for the whole file. */
  field: string;
  message: string;
}

/** `file:line field: what is wrong`. */
export function formatMistake({ file, line, field, message }: Mistake): string {
  return `${file}:${line}${field === "" ? "" : ` ${field}`}: ${message}`;
}

/** Keys and list positions from the top of the file to a field. */
export type FieldPath = readonly PropertyKey[];

/** A YAML file validated against a schema. `locate` converts any path in it to a mistake with its line. */
export interface ReadFile<Value> {
  /** `null` when there are mistakes. */
  value: Value | null;
  mistakes: readonly Mistake[];
  locate(path: FieldPath, message: string): Mistake;
}

/** A policy file, with its compiled form if it has no mistakes. */
export interface ReadPolicy extends ReadFile<PolicyDocument> {
  policy: Policy | null;
}

/** Reads and compiles a policy. Reports all mistakes at once; does not throw for invalid input. */
export function readPolicy(file: string, text: string): ReadPolicy {
  const read = readYaml(file, text, policyDocument);
  if (read.value === null) return { ...read, policy: null };
  const mistakes = listExpressions(read.value).flatMap(({ path, expression }) => {
    const message = findExpressionMistake(expression);
    return message === null ? [] : [read.locate(path, message)];
  });
  if (mistakes.length > 0) return { ...read, value: null, policy: null, mistakes };
  return { ...read, policy: compilePolicy(read.value) };
}

/** One CEL expression with its place, its rule, and the effect of a failed evaluation. */
export interface PlacedExpression {
  path: FieldPath;
  expression: string;
  covers: Pick<ConditionDocument, "tools" | "effects" | "sends">;
  whenFailed: "refuse the call" | "ask for approval";
}

/** Every CEL expression of a policy. */
export function listExpressions(document: PolicyDocument): PlacedExpression[] {
  return Object.entries(document.roles).flatMap(([role, rules]) => [
    ...(rules.conditions ?? []).flatMap((covers, index): PlacedExpression[] => {
      const { expression } = covers.require;
      const path = ["roles", role, "conditions", index, "require", "expression"];
      return expression === undefined ? [] : [{ path, expression, covers, whenFailed: "refuse the call" }];
    }),
    ...(rules.require_approval ?? []).flatMap((covers, index): PlacedExpression[] => {
      if (typeof covers === "string" || covers.when === undefined) return [];
      const path = ["roles", role, "require_approval", index, "when", "expression"];
      return [{ path, expression: covers.when.expression, covers, whenFailed: "ask for approval" }];
    }),
  ]);
}

function findExpressionMistake(expression: string): string | null {
  try {
    compileExpression(expression);
    return null;
  } catch (failure) {
    if (failure instanceof ExpressionError) return describeExpressionError(expression, failure);
    throw failure;
  }
}

/** The mistake with the part of the expression where it begins. */
export function describeExpressionError(expression: string, { message, offset }: ExpressionError): string {
  const near = expression.slice(offset, offset + 30).trim();
  const hint = /double \S+ int/.test(message) ? " Numbers in arguments are doubles: write 5.0 for 5." : "";
  return `${message}${near === "" ? " (at the end)" : ` (at: ${near})`}${hint}`;
}

/** Parses YAML 1.2 and validates it against a schema. Mistakes of syntax and of shape have line and field. */
export function readYaml<Schema extends z.ZodType>(
  file: string,
  text: string,
  schema: Schema,
): ReadFile<z.output<Schema>> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, prettyErrors: false });
  const locate = (path: FieldPath, message: string): Mistake => ({
    file,
    line: lines.linePos(findOffset(document, path)).line,
    field: formatPath(path),
    message,
  });
  const failed = (mistakes: readonly Mistake[]) => ({ value: null, mistakes, locate });
  const problems = [...document.errors, ...document.warnings];
  if (problems.length > 0) {
    return failed(
      problems.map(({ message, pos: [offset] }) => {
        return { file, line: lines.linePos(offset).line, field: "", message: `Not valid YAML: ${message}` };
      }),
    );
  }
  const misplaced = findMisplaced(document);
  if (misplaced !== null) {
    const { offset, message } = misplaced;
    return failed([
      { file, line: lines.linePos(offset).line, field: "", message: `Not valid YAML: ${message}` },
    ]);
  }
  const plain = toPlain(document);
  if (plain instanceof Error) return failed([locate([], `Not valid YAML: ${plain.message}`)]);
  const result = schema.safeParse(plain, { reportInput: true });
  if (result.success) return { value: result.data, mistakes: [], locate };
  return failed(result.error.issues.flatMap((issue) => listMistakes(issue, locate)));
}

/**
 * The first alias without an anchor, and the first key that JavaScript keeps for itself: a schema would not see it, and what
 * is written there would be ignored.
 */
function findMisplaced(document: Document): { offset: number; message: string } | null {
  let found: { offset: number; message: string } | null = null;
  const anchors = new Set<string>();
  visit(document, {
    Node: (_key, node) => {
      if ("anchor" in node && typeof node.anchor === "string") anchors.add(node.anchor);
    },
    Alias: (_key, { source, range }) => {
      if (anchors.has(source)) return undefined;
      found = { offset: range?.[0] ?? 0, message: `There is no anchor "${source}" in front of this alias.` };
      return visit.BREAK;
    },
    Pair: (_key, { key }) => {
      if (!isScalar(key) || key.value !== "__proto__") return undefined;
      found = { offset: key.range?.[0] ?? 0, message: "__proto__ cannot be a name here." };
      return visit.BREAK;
    },
  });
  return found;
}

/** Resolves aliases; too many of them (a «billion laughs» file) are an error instead of exhausting memory. */
function toPlain(document: Document): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (failure) {
    return failure instanceof Error ? failure : new Error(String(failure));
  }
}

/** zod's message for a union whose schema has no message. */
const NO_MESSAGE = "Invalid input";

function listMistakes(issue: z.core.$ZodIssue, locate: ReadFile<unknown>["locate"]): Mistake[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => locate([...issue.path, key], "is not a field that a policy has here"));
  }
  if (issue.code === "invalid_union" && issue.message === NO_MESSAGE) {
    // Of the alternatives, the author meant the one that fits best: its mistakes lie inside of the value.
    const [meant] = issue.errors
      .filter((issues) => issues.every((one) => one.code !== "invalid_type" || one.path.length > 0))
      .sort((one, other) => countStrangers(one) - countStrangers(other));
    if (meant) {
      return meant.flatMap((inner) =>
        listMistakes({ ...inner, path: [...issue.path, ...inner.path] }, locate),
      );
    }
  }
  // What is wrong with a key says the rule that it breaks.
  const [broken] = issue.code === "invalid_key" ? issue.issues : [];
  return [locate(issue.path, describeIssue(broken ?? issue))];
}

/** Fields that an alternative does not have. */
function countStrangers(issues: readonly z.core.$ZodIssue[]): number {
  return issues.reduce((sum, issue) => sum + (issue.code === "unrecognized_keys" ? issue.keys.length : 0), 0);
}

/** The nearest existing place: for a missing field, the start of its map. */
function findOffset(document: Document, path: FieldPath): number {
  for (let depth = path.length; depth > 0; depth -= 1) {
    const key = findKey(document, path.slice(0, depth));
    if (key !== null) return key;
    const node = document.getIn(path.slice(0, depth), true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return 0;
}

/** Where the key of a field is: its value may begin lines below. `null` for an item of a list, and what is not there. */
function findKey(document: Document, path: FieldPath): number | null {
  const holder = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true);
  if (!isMap(holder)) return null;
  const pair = holder.items.find(({ key }) => isScalar(key) && key.value === path.at(-1));
  return isScalar(pair?.key) ? (pair.key.range?.[0] ?? null) : null;
}

function formatPath(path: FieldPath): string {
  return path
    .map((key, index) => (typeof key === "number" ? `[${key}]` : `${index > 0 ? "." : ""}${String(key)}`))
    .join("");
}
