import { type ASTNode, Environment, type ParseResult } from "@marcbachmann/cel-js";
import { READ_LABELS, type ReadLabel } from "../call/flow-labels.ts";

/** Most characters of one expression. */
export const EXPRESSION_LIMIT = 1_000;

/** Variables of an expression. `args` and `session` are absent outside a call. */
export interface ExpressionFacts {
  args?: Readonly<Record<string, unknown>>;
  tool: string;
  effect: string;
  /** ISO 3166-1 alpha-2, or `""` when unknown. */
  country: string;
  /** What the session has met. */
  session?: readonly ReadLabel[];
}

/** `session` of an expression. */
class Session {
  readonly #met: ReadonlySet<string>;

  constructor(met: readonly string[]) {
    this.#met = new Set(met);
  }

  has(...labels: readonly string[]): boolean {
    return labels.every((label) => this.#met.has(label));
  }
}

/** `unknown`: depends on absent arguments. `error`: evaluation failed, for example on a missing key. */
export type Verdict = "true" | "false" | "unknown" | "error";

/** A compiled CEL expression. */
export interface Expression {
  evaluate(facts: ExpressionFacts): Verdict;
  /** Top-level names that it reads from `args`. */
  arguments: readonly string[];
  /** Names that it tests with `has(args.…)`. */
  guarded: readonly string[];
}

/**
 * A mistake in an expression, in our words and the library's one-line summary. `offset` counts characters.
 */
export class ExpressionError extends Error {
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.name = "ExpressionError";
    this.offset = offset;
  }
}

/** Types of arguments for an expression; see `typeArguments`. */
export type ArgumentTypes = { [name: string]: string | ArgumentTypes };

const FACTS = ["tool", "effect", "country"] as const;
type FactName = (typeof FACTS)[number];

/** Small enough that parsing and evaluating always end quickly; a longer rule can be split into several. */
const LIMITS = {
  maxAstNodes: 200,
  maxDepth: 32,
  maxListElements: 100,
  maxMapEntries: 20,
  maxCallArguments: 8,
};

const QUANTIFIERS = ["all", "exists", "exists_one"];

/**
 * Allowed functions. Left out: `matches` (a JavaScript regular expression can take exponential time), and
 * `map`, `filter` and `bind` (chained or nested, they let a short text build a value of exponential size).
 * With the rest, and without nested quantifiers, the work is bounded by the length of the text times the size
 * of the arguments.
 */
const FUNCTIONS = ["has", "size", "contains", "startsWith", "endsWith", "lowerAscii", "trim", ...QUANTIFIERS];

const UNTYPED = createEnvironment("map<string, dyn>");

/**
 * Compiles an expression. Throws {@link ExpressionError} if it does not parse, is too large, calls a function
 * that is not allowed, or is not of type bool. With `types` its arguments are type-checked too.
 */
export function compileExpression(source: string, types?: ArgumentTypes): Expression {
  const environment = types === undefined ? UNTYPED : createEnvironment({ schema: types });
  const program = orExplain(() => environment.parse(source));
  const found: Found = { arguments: new Set(), guarded: new Set(), facts: new Set() };
  inspect(program.ast, false, found);
  const { valid, type, error } = program.check();
  if (!valid) throw new ExpressionError(error?.summary ?? "It is not valid.", error?.range?.start ?? 0);
  if (type !== "bool") throw new ExpressionError(`It gives ${type}, and a condition must give bool.`, 0);
  // A list evaluates every tool without arguments, and most evaluations throw: cached, because throwing is
  // expensive.
  const withoutArguments = new Map<string, Verdict>();
  return {
    evaluate(facts) {
      if (facts.args !== undefined) return evaluate(program, facts, "error");
      if (facts.session !== undefined) return evaluate(program, facts, "unknown");
      const key = [...found.facts].map((name) => facts[name]).join("\n");
      const known = withoutArguments.get(key);
      if (known !== undefined) return known;
      // CEL's && and || absorb an error if the other side decides (cel-spec, «Logical Operators»). An error
      // that remains while `args` is absent therefore means that the result depends on the arguments.
      const verdict = evaluate(program, facts, "unknown");
      withoutArguments.set(key, verdict);
      return verdict;
    },
    arguments: [...found.arguments],
    guarded: [...found.guarded],
  };
}

function evaluate(program: ParseResult, facts: ExpressionFacts, whenFailed: Verdict): Verdict {
  try {
    const { session, ...rest } = facts;
    const given = session === undefined ? rest : { ...rest, session: new Session(session) };
    return program(given) === true ? "true" : "false";
  } catch {
    return whenFailed;
  }
}

function createEnvironment(args: string | { schema: ArgumentTypes }): Environment {
  const environment = new Environment({ limits: LIMITS });
  if (typeof args === "string") environment.registerVariable("args", args);
  else environment.registerVariable("args", args);
  for (const name of FACTS) environment.registerVariable(name, "string");
  environment.registerType("Session", { ctor: Session, fields: {} });
  environment.registerVariable("session", "Session");
  for (const labels of ["string", "string, string"])
    environment.registerFunction(`Session.has(${labels}): bool`, (session: Session, ...given: string[]) =>
      session.has(...given),
    );
  return environment;
}

function orExplain<T>(parse: () => T): T {
  try {
    return parse();
  } catch (failure) {
    const { summary, range } = failure as { summary?: string; range?: { start: number } };
    throw new ExpressionError(summary ?? String(failure), range?.start ?? 0);
  }
}

interface Found {
  arguments: Set<string>;
  guarded: Set<string>;
  /** Variables other than `args` that it reads. */
  facts: Set<FactName>;
}

/**
 * Walks the tree once: collects the arguments that are read, and checks that every call is one of {@link
 * FUNCTIONS}. A quantifier may use only its element: reading another argument for each element would multiply
 * their sizes.
 */
function inspect(node: ASTNode, inQuantifier: boolean, found: Found): void {
  if (node.op === "call" || node.op === "rcall") {
    const [name] = node.args;
    if (!FUNCTIONS.includes(name)) {
      throw new ExpressionError(
        `${name}() is not available. Available: ${FUNCTIONS.join(", ")}.`,
        node.start,
      );
    }
    if (QUANTIFIERS.includes(name) && node.op === "rcall") {
      const [, list, body] = node.args;
      if (inQuantifier) throw new ExpressionError(`${name}() must not stand inside another one.`, node.start);
      inspect(list, false, found);
      for (const child of body) inspect(child, true, found);
      return;
    }
    if (name === "has" && node.op === "rcall") requireLabels(node);
    else if (name === "has") for (const field of listFields(node)) found.guarded.add(field);
  }
  if (inQuantifier && node.op === "id" && node.args === "args") {
    throw new ExpressionError("args is not at hand inside all(), exists() and exists_one().", node.start);
  }
  const fact = node.op === "id" ? FACTS.find((name) => name === node.args) : undefined;
  if (fact !== undefined) found.facts.add(fact);
  for (const field of readField(node)) found.arguments.add(field);
  for (const child of listNodes(node.args)) inspect(child, inQuantifier, found);
}

/** A label that no tool carries would never be met. */
function requireLabels(node: ASTNode): void {
  for (const { op, args, start } of listNodes((node.args as readonly unknown[])[2])) {
    if (op === "value" && READ_LABELS.includes(args as ReadLabel)) continue;
    throw new ExpressionError(
      `session.has() takes ${READ_LABELS.map((label) => `"${label}"`).join(" and ")}.`,
      start,
    );
  }
}

/** The argument that this node reads: `args.amount` or `args["amount"]`. */
function readField(node: ASTNode): string[] {
  if (node.op !== "." && node.op !== "[]") return [];
  const [object, key] = node.args;
  if (object.op !== "id" || object.args !== "args") return [];
  if (typeof key === "string") return [key];
  return key.op === "value" && typeof key.args === "string" ? [key.args] : [];
}

function listFields(node: ASTNode): string[] {
  return [...readField(node), ...listNodes(node.args).flatMap(listFields)];
}

function listNodes(value: unknown): ASTNode[] {
  if (Array.isArray(value)) return value.flatMap(listNodes);
  return typeof value === "object" && value !== null && "op" in value ? [value as ASTNode] : [];
}
