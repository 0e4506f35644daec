import { type Document, isNode, LineCounter, parseDocument } from "yaml";
import type { z } from "zod";
import { compilePolicy, type Policy } from "../../shared/policy/compile.ts";
import { compileExpression, ExpressionError } from "../../shared/policy/expression.ts";
import { type PolicyDocument, policyDocument } from "../../shared/policy/schema.ts";

/** Where a mistake stands and what it is. */
export interface Mistake {
  file: string;
  line: number;
  /** Path of the field, such as `roles.sales.scopes[1]`; empty for the whole file. */
  field: string;
  message: string;
}

/** Keys and list positions from the top of the file to a field. */
export type FieldPath = readonly PropertyKey[];

/** A YAML file checked against a schema. `locate` turns any path in it into a mistake with its line. */
export interface ReadFile<Value> {
  /** `null` when there are mistakes. */
  value: Value | null;
  mistakes: readonly Mistake[];
  locate(path: FieldPath, message: string): Mistake;
}

/** A policy file, with its compiled form when it is free of mistakes. */
export interface ReadPolicy extends ReadFile<PolicyDocument> {
  policy: Policy | null;
}

/** Reads and compiles a policy. Every mistake is named at once; nothing is thrown for what an author can write. */
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

/** Every CEL expression of a policy with its place, its role and its condition's position. */
export function listExpressions(document: PolicyDocument) {
  return Object.entries(document.roles).flatMap(([role, { conditions = [] }]) =>
    conditions.flatMap((condition, index) => {
      const { expression } = condition.require;
      if (expression === undefined) return [];
      const path: FieldPath = ["roles", role, "conditions", index, "require", "expression"];
      return [{ path, expression, condition }];
    }),
  );
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

/** The mistake with the text that it begins at. */
export function describeExpressionError(expression: string, { message, offset }: ExpressionError): string {
  const near = expression.slice(offset, offset + 30).trim();
  const hint = /double \S+ int/.test(message) ? " Numbers in arguments are doubles: write 5.0 for 5." : "";
  return `${message}${near === "" ? " (at the end)" : ` (at: ${near})`}${hint}`;
}

/** Reads YAML 1.2 and checks it against a schema. Mistakes of syntax and of shape carry line and field. */
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
  const plain = toPlain(document);
  if (plain instanceof Error) return failed([locate([], `Not valid YAML: ${plain.message}`)]);
  const result = schema.safeParse(plain);
  if (result.success) return { value: result.data, mistakes: [], locate };
  return failed(result.error.issues.flatMap((issue) => listMistakes(issue, locate)));
}

/** Aliases are resolved here; too many of them (a «billion laughs» file) are an error and not a full memory. */
function toPlain(document: Document): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (failure) {
    return failure instanceof Error ? failure : new Error(String(failure));
  }
}

function listMistakes(issue: z.core.$ZodIssue, locate: ReadFile<unknown>["locate"]): Mistake[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => locate([...issue.path, key], "is not a field that a policy has here"));
  }
  return [locate(issue.path, issue.message)];
}

/** The nearest place that exists: a missing field stands where the map that lacks it begins. */
function findOffset(document: Document, path: FieldPath): number {
  for (let depth = path.length; depth > 0; depth -= 1) {
    const node = document.getIn(path.slice(0, depth), true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return 0;
}

function formatPath(path: FieldPath): string {
  return path
    .map((key, index) => (typeof key === "number" ? `[${key}]` : `${index > 0 ? "." : ""}${String(key)}`))
    .join("");
}
