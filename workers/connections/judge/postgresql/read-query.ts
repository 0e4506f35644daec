import type { CommonTable, Output, Query, Source } from "../query.ts";
import { reject } from "../refuse.ts";
import { readFunctionSource } from "./read-function.ts";
import type { Reader } from "./reader.ts";
import {
  checkFields,
  type Fields,
  listOf,
  notUnderstood,
  openAs,
  openNode,
  readAlias,
  textOf,
  textsOf,
} from "./tree.ts";

const SELECT = [
  "distinctClause",
  "targetList",
  "fromClause",
  "whereClause",
  "groupClause",
  "groupDistinct",
  "havingClause",
  "windowClause",
  "valuesLists",
  "sortClause",
  "limitOffset",
  "limitCount",
  "limitOption",
  "withClause",
  "op",
  "all",
  "larg",
  "rarg",
];

/** Reads the fields of a SelectStmt: SELECT, VALUES, TABLE, or a set operation of such. */
export function readQuery(reader: Reader, fields: Fields): Query {
  return reader.enter(() => {
    checkFields("SelectStmt", fields, SELECT);
    const { commonTables, isRecursive } = readWith(reader, fields.withClause as Fields | undefined);
    const tail = ["sortClause", "limitOffset", "limitCount"].flatMap((name) =>
      reader.readField(fields[name]),
    );
    return { commonTables, isRecursive, body: readBody(reader, fields), tail };
  });
}

/** Reads a node that must be a query. */
export function readQueryNode(reader: Reader, node: unknown): Query {
  return readQuery(reader, openAs("SelectStmt", node));
}

function readBody(reader: Reader, fields: Fields): Query["body"] {
  if (fields.op !== "SETOP_NONE") {
    const [left, right] = [fields.larg, fields.rarg].map((side) => readQuery(reader, (side ?? {}) as Fields));
    if (left === undefined || right === undefined) throw notUnderstood("a set operation");
    return { kind: "set", terms: [left, right] };
  }
  const rows = listOf(fields.valuesLists).map((row) => listOf(openAs("List", row).items));
  if (rows.length > 0)
    return {
      kind: "values",
      width: rows[0]?.length ?? 0,
      references: rows.flatMap((row) => reader.readAll(row)),
    };
  if (listOf(fields.targetList).length === 0) throw reject("The select list is empty.");
  return {
    kind: "select",
    sources: listOf(fields.fromClause).map((node) => readSource(reader, node)),
    outputs: listOf(fields.targetList).map((node) => readOutput(reader, node)),
    conditions: reader.readField(fields.whereClause),
    groups: [
      // DISTINCT without ON is a list with one empty member.
      ...listOf(fields.distinctClause).flatMap((node) => (isEmpty(node) ? [] : reader.read(node))),
      ...["groupClause", "havingClause"].flatMap((name) => reader.readField(fields[name])),
      ...listOf(fields.windowClause).flatMap((node) => reader.readWindow(openAs("WindowDef", node))),
    ],
  };
}

function isEmpty(node: unknown): boolean {
  return Object.keys((node ?? {}) as Fields).length === 0;
}

function readWith(
  reader: Reader,
  clause: Fields | undefined,
): { commonTables: CommonTable[]; isRecursive: boolean } {
  if (clause === undefined) return { commonTables: [], isRecursive: false };
  checkFields("WithClause", clause, ["ctes", "recursive"]);
  const commonTables = listOf(clause.ctes).map((node) => {
    const fields = openAs("CommonTableExpr", node);
    checkFields("CommonTableExpr", fields, ["ctename", "aliascolnames", "ctematerialized", "ctequery"]);
    return {
      name: textOf(fields.ctename),
      columns: textsOf(fields.aliascolnames),
      query: readQueryNode(reader, fields.ctequery),
    };
  });
  return { commonTables, isRecursive: clause.recursive === true };
}

function readOutput(reader: Reader, node: unknown): Output {
  const fields = openAs("ResTarget", node);
  checkFields("ResTarget", fields, ["name", "val"]);
  const value = openNode(fields.val);
  if (value.kind === "ColumnRef") {
    const path = reader.readPath(value.fields);
    if (path.isStar) return { kind: "star", qualifier: path.names };
  }
  const name = typeof fields.name === "string" ? fields.name : nameOutput(fields.val);
  return { kind: "value", name, references: reader.read(fields.val) };
}

/** PostgreSQL's name of a column without an alias, where it is certain. */
function nameOutput(node: unknown): string | null {
  const { kind, fields } = openNode(node);
  if (kind === "ColumnRef") return textsOf(fields.fields).at(-1) ?? null;
  if (kind === "FuncCall") return textsOf(fields.funcname).at(-1) ?? null;
  if (kind === "TypeCast") return nameOutput(fields.arg);
  if (kind === "CoalesceExpr") return "coalesce";
  return null;
}

const TABLE = ["schemaname", "relname", "inh", "relpersistence", "alias"];
const TWO_SIDES = ["JOIN_INNER", "JOIN_LEFT", "JOIN_RIGHT", "JOIN_FULL", undefined];

function readSource(reader: Reader, node: unknown): Source {
  const { kind, fields } = openNode(node);
  if (kind === "RangeVar") {
    checkFields(kind, fields, TABLE);
    const { alias, columns } = readAlias(fields.alias);
    const schema = typeof fields.schemaname === "string" ? fields.schemaname : null;
    return { kind: "table", schema, name: textOf(fields.relname), alias, columns };
  }
  if (kind === "RangeSubselect") {
    checkFields(kind, fields, ["lateral", "subquery", "alias"]);
    const query = readQueryNode(reader, fields.subquery);
    return { kind: "query", query, isLateral: fields.lateral === true, ...readAlias(fields.alias) };
  }
  if (kind === "RangeFunction") return readFunctionSource(reader, fields);
  if (kind === "JoinExpr") return reader.enter(() => readJoin(reader, fields));
  if (kind === "RangeTableSample") return readSample(reader, fields);
  throw notUnderstood(kind);
}

function readJoin(reader: Reader, fields: Fields): Source {
  checkFields("JoinExpr", fields, ["jointype", "isNatural", "larg", "rarg", "usingClause", "quals"]);
  if (!TWO_SIDES.includes(fields.jointype as string | undefined)) throw notUnderstood("this kind of join");
  return {
    kind: "join",
    left: readSource(reader, fields.larg),
    right: readSource(reader, fields.rarg),
    isNatural: fields.isNatural === true,
    using: textsOf(fields.usingClause),
    on: reader.readField(fields.quals),
  };
}

/** Only the two built-in methods: another one is a function of an extension. */
function readSample(reader: Reader, fields: Fields): Source {
  checkFields("RangeTableSample", fields, ["relation", "method", "args", "repeatable"]);
  const [method, ...rest] = textsOf(fields.method);
  if (rest.length > 0 || !["system", "bernoulli"].includes(method ?? ""))
    throw notUnderstood("this TABLESAMPLE");
  const arguments_ = [
    ...listOf(fields.args),
    ...(fields.repeatable === undefined ? [] : [fields.repeatable]),
  ];
  if (arguments_.some((node) => openNode(node).kind !== "A_Const"))
    throw reject("TABLESAMPLE takes a plain number.");
  return readSource(reader, fields.relation);
}
