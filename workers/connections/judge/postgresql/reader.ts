import { Growth } from "../growth.ts";
import type { Reference } from "../query.ts";
import { forbid, quote, reject } from "../refuse.ts";
import type { StatementRules } from "../statement.ts";
import { readFunction } from "./read-function.ts";
import { readQueryNode } from "./read-query.ts";
import { checkFields, type Fields, listOf, notUnderstood, openNode, textOf, textsOf } from "./tree.ts";
import { checkCollation, checkType } from "./types.ts";

/** What a reader does with a field: read it as nodes, check it as a type, or take it as it is. */
type Use = "read" | "type" | "plain";

/** Every kind of expression that is allowed, with all of its fields. */
const EXPRESSIONS: Readonly<Record<string, Readonly<Record<string, Use>>>> = {
  A_ArrayExpr: { elements: "read" },
  A_Const: { ival: "plain", fval: "plain", boolval: "plain", sval: "plain", bsval: "plain", isnull: "plain" },
  A_Indices: { is_slice: "plain", lidx: "read", uidx: "read" },
  BoolExpr: { boolop: "plain", args: "read" },
  BooleanTest: { arg: "read", booltesttype: "plain" },
  CaseExpr: { arg: "read", args: "read", defresult: "read" },
  CaseWhen: { expr: "read", result: "read" },
  CoalesceExpr: { args: "read" },
  GroupingFunc: { args: "read" },
  GroupingSet: { kind: "plain", content: "read" },
  JsonIsPredicate: { expr: "read", format: "plain", item_type: "plain", unique_keys: "plain" },
  List: { items: "read" },
  MinMaxExpr: { op: "plain", args: "read" },
  NamedArgExpr: { arg: "read", name: "plain", argnumber: "plain" },
  NullTest: { arg: "read", nulltesttype: "plain" },
  RowExpr: { args: "read", row_format: "plain" },
  SortBy: { node: "read", sortby_dir: "plain", sortby_nulls: "plain" },
  TypeCast: { arg: "read", typeName: "type" },
};

/** Operators of built-in types; one of a schema may run that schema's code. */
const OPERATORS = new Set(
  (
    "+ - * / % ^ = <> < > <= >= || | & # ~ << >> !~ ~* !~* ~~ !~~ ~~* !~~* -> ->> #> #>> @> <@ ? ?| ?& @? @@ @@@ " +
    "&& |/ ||/ @ <-> -|- &< &> <<= >>= ^@ !! #- BETWEEN"
  )
    .split(" ")
    .concat("NOT BETWEEN", "BETWEEN SYMMETRIC", "NOT BETWEEN SYMMETRIC"),
);

const FRAMED = [
  "name",
  "refname",
  "partitionClause",
  "orderClause",
  "frameOptions",
  "startOffset",
  "endOffset",
];

/** Values without parentheses that say nothing about the session. */
const MOMENTS = /^SVFOP_(CURRENT_DATE|CURRENT_TIME|CURRENT_TIMESTAMP|LOCALTIME|LOCALTIMESTAMP)(_N)?$/;

/** Most levels of a tree, and most parameters. */
const DEEPEST = 200;
const MOST_PARAMETERS = 100;

/** Reads the expressions of one statement. */
export class Reader {
  readonly rules: StatementRules;
  readonly parameters = new Set<number>();
  readonly growth = new Growth();
  #depth = 0;

  constructor(rules: StatementRules) {
    this.rules = rules;
  }

  /** Reads one level deeper. */
  enter<T>(read: () => T): T {
    if (this.#depth >= DEEPEST) throw reject("The statement is nested too deeply.");
    this.#depth += 1;
    try {
      return read();
    } finally {
      this.#depth -= 1;
    }
  }

  /** Reads a field that is a node, a list of nodes, or absent. */
  readField(value: unknown): Reference[] {
    if (value === undefined) return [];
    return Array.isArray(value) ? this.readAll(value) : this.read(value);
  }

  readAll(nodes: readonly unknown[]): Reference[] {
    return nodes.flatMap((node) => this.read(node));
  }

  /** Reads an expression: refuses what is not allowed in it, and gives what it refers to. */
  read(node: unknown): Reference[] {
    return this.enter(() => {
      const { kind, fields } = openNode(node);
      switch (kind) {
        case "ColumnRef":
          return this.#readColumn(fields);
        case "FuncCall":
          return readFunction(this, fields);
        case "A_Expr":
          return this.#readOperation(fields);
        case "SubLink":
          return this.#readSubquery(fields);
        case "A_Indirection":
          return this.#readIndirection(fields);
        case "ParamRef":
          return this.#readParameter(fields);
        case "CollateClause":
          return this.#readCollation(fields);
        case "SQLValueFunction":
          return readMoment(fields);
        default:
          return this.#readKnown(kind, fields);
      }
    });
  }

  readWindow(fields: Fields): Reference[] {
    checkFields("WindowDef", fields, FRAMED);
    return ["partitionClause", "orderClause", "startOffset", "endOffset"].flatMap((name) =>
      this.readField(fields[name]),
    );
  }

  /** The names of a reference, without the `*` at its end. */
  readPath(fields: Fields): { names: string[]; isStar: boolean } {
    checkFields("ColumnRef", fields, ["fields"]);
    const nodes = listOf(fields.fields);
    const isStar = openNode(nodes.at(-1)).kind === "A_Star";
    return { names: textsOf(isStar ? nodes.slice(0, -1) : nodes), isStar };
  }

  #readKnown(kind: string, fields: Fields): Reference[] {
    const known = Object.hasOwn(EXPRESSIONS, kind) ? EXPRESSIONS[kind] : undefined;
    if (known === undefined) throw notUnderstood(kind);
    checkFields(kind, fields, Object.keys(known));
    return Object.entries(fields).flatMap(([name, value]) => {
      if (known[name] === "type") checkType(value);
      return known[name] === "read" ? this.readField(value) : [];
    });
  }

  #readColumn(fields: Fields): Reference[] {
    const { names, isStar } = this.readPath(fields);
    if (!isStar) return [{ kind: "column", path: names }];
    if (names.length === 0) throw reject("`*` may stand in the select list and in count(*) only.");
    return [{ kind: "star", path: names }];
  }

  #readOperation(fields: Fields): Reference[] {
    checkFields("A_Expr", fields, ["kind", "name", "lexpr", "rexpr"]);
    const names = textsOf(fields.name);
    const [name] = names;
    if (names.length !== 1 || name === undefined || !OPERATORS.has(name))
      throw forbid(`The operator ${quote(names.join("."))} is not allowed here.`);
    return [...this.readField(fields.lexpr), ...this.readField(fields.rexpr)];
  }

  #readSubquery(fields: Fields): Reference[] {
    checkFields("SubLink", fields, ["subLinkType", "testexpr", "operName", "subselect"]);
    const names = textsOf(fields.operName);
    if (names.length > 1 || names.some((name) => !OPERATORS.has(name)))
      throw forbid(`The operator ${quote(names.join("."))} is not allowed here.`);
    return [
      ...this.readField(fields.testexpr),
      { kind: "query", query: readQueryNode(this, fields.subselect) },
    ];
  }

  /** `a[1]` is an element; `(a).b` may be the column of a row or a call of the function b. */
  #readIndirection(fields: Fields): Reference[] {
    checkFields("A_Indirection", fields, ["arg", "indirection"]);
    const steps = listOf(fields.indirection);
    if (steps.some((step) => openNode(step).kind !== "A_Indices"))
      throw forbid(
        "Selecting a field of a row as in (a).b is not allowed here. Write table.column, or name the columns of the function in FROM.",
      );
    return [...this.readField(fields.arg), ...this.readAll(steps)];
  }

  #readParameter(fields: Fields): Reference[] {
    checkFields("ParamRef", fields, ["number"]);
    const number = Number(fields.number ?? 0);
    if (!(number >= 1 && number <= MOST_PARAMETERS))
      throw reject(`Parameters are numbered from $1 to at most $${MOST_PARAMETERS}.`);
    this.parameters.add(number);
    return [];
  }

  #readCollation(fields: Fields): Reference[] {
    checkFields("CollateClause", fields, ["arg", "collname"]);
    checkCollation(textsOf(fields.collname));
    return this.readField(fields.arg);
  }
}

function readMoment(fields: Fields): Reference[] {
  checkFields("SQLValueFunction", fields, ["op", "typmod"]);
  const name = textOf(fields.op);
  if (!MOMENTS.test(name)) throw forbid(`${name.replace("SVFOP_", "")} is not allowed here.`);
  return [];
}
