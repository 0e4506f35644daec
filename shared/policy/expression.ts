import { type ASTNode, Environment } from "@marcbachmann/cel-js";

/** What an expression can look at. `args` is absent while it is not known what a call will bring. */
export interface ExpressionFacts {
  args?: Readonly<Record<string, unknown>>;
  tool: string;
  effect: string;
  /** ISO 3166-1 alpha-2, or `""` when unknown. */
  country: string;
}

/** `unknown`: the answer depends on arguments that are not there. `error`: it has none, for example a missing key. */
export type Verdict = "true" | "false" | "unknown" | "error";

/** A compiled CEL expression. */
export interface Expression {
  evaluate(facts: ExpressionFacts): Verdict;
  /** First-level names that it reads from `args`. */
  arguments: readonly string[];
  /** Names that it asks for with `has(args.…)`. */
  guarded: readonly string[];
}

/** A mistake in an expression, in our words and the library's one-line summary. `offset` counts characters. */
export class ExpressionError extends Error {
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.name = "ExpressionError";
    this.offset = offset;
  }
}

/** The types of arguments as an expression sees them; see `typeArguments`. */
export type ArgumentTypes = { [name: string]: string | ArgumentTypes };

/** Small enough that parsing and evaluating always end at once; a rule that needs more is several rules. */
const LIMITS = {
  maxAstNodes: 200,
  maxDepth: 32,
  maxListElements: 100,
  maxMapEntries: 20,
  maxCallArguments: 8,
};

const QUANTIFIERS = ["all", "exists", "exists_one"];

/**
 * What may be called. Left out on purpose: `matches` (a JavaScript regular expression can take exponential time), and
 * `map`, `filter` and `bind` (chained or nested, they let a short text build a value of exponential size). With these,
 * and quantifiers that do not nest, the work is bounded by the length of the text times the size of the arguments.
 */
const FUNCTIONS = ["has", "size", "contains", "startsWith", "endsWith", "lowerAscii", "trim", ...QUANTIFIERS];

const UNTYPED = createEnvironment("map<string, dyn>");

/**
 * Compiles an expression. Throws {@link ExpressionError} when it does not parse, is too large, calls what it may not,
 * or is not of type bool. With `types` its arguments are checked against them too.
 */
export function compileExpression(source: string, types?: ArgumentTypes): Expression {
  const environment = types === undefined ? UNTYPED : createEnvironment({ schema: types });
  const program = orExplain(() => environment.parse(source));
  const found = { arguments: new Set<string>(), guarded: new Set<string>() };
  inspect(program.ast, 0, found);
  const { valid, type, error } = program.check();
  if (!valid) throw new ExpressionError(error?.summary ?? "It is not valid.", error?.range?.start ?? 0);
  if (type !== "bool") throw new ExpressionError(`It gives ${type}, and a condition must give bool.`, 0);
  return {
    evaluate(facts) {
      try {
        return program(facts) === true ? "true" : "false";
      } catch {
        // CEL's && and || absorb an error when the other side decides (cel-spec, «Logical Operators»). So an error
        // that is left over while `args` is absent says exactly that the answer depends on them.
        return facts.args === undefined ? "unknown" : "error";
      }
    },
    arguments: [...found.arguments],
    guarded: [...found.guarded],
  };
}

function createEnvironment(args: string | { schema: ArgumentTypes }): Environment {
  const environment = new Environment({ limits: LIMITS });
  if (typeof args === "string") environment.registerVariable("args", args);
  else environment.registerVariable("args", args);
  for (const name of ["tool", "effect", "country"]) environment.registerVariable(name, "string");
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
}

/** Walks the tree once: which arguments are read, and whether every call is one of {@link FUNCTIONS}. */
function inspect(node: ASTNode, quantifiers: number, found: Found): void {
  let inside = quantifiers;
  if (node.op === "call" || node.op === "rcall") {
    const [name] = node.args;
    if (!FUNCTIONS.includes(name)) {
      throw new ExpressionError(
        `${name}() is not available. Available: ${FUNCTIONS.join(", ")}.`,
        node.start,
      );
    }
    if (QUANTIFIERS.includes(name)) inside += 1;
    if (inside > 1) throw new ExpressionError(`${name}() must not stand inside another one.`, node.start);
    if (name === "has") for (const field of listFields(node)) found.guarded.add(field);
  }
  for (const field of readField(node)) found.arguments.add(field);
  for (const child of listNodes(node.args)) inspect(child, inside, found);
}

/** The argument that this very node reads: `args.amount` or `args["amount"]`. */
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
