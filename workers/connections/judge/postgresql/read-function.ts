import type { Reference, Source } from "../query.ts";
import { forbidFunction, reject } from "../refuse.ts";
import { FUNCTION_COLUMNS, FUNCTIONS } from "./functions.ts";
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
import { checkType, withoutCatalogue } from "./types.ts";

const CALL = [
  "funcname",
  "args",
  "agg_order",
  "agg_filter",
  "over",
  "agg_within_group",
  "agg_star",
  "agg_distinct",
  "func_variadic",
  "funcformat",
];

/** Functions whose last argument is the length of the answer, or how often it repeats. */
const GROWING: readonly string[] = ["repeat", "lpad", "rpad"];

/** Reads a call: the function must be on the list, its arguments are expressions. */
export function readFunction(reader: Reader, fields: Fields): Reference[] {
  checkFields("FuncCall", fields, CALL);
  const name = checkName(reader, textsOf(fields.funcname));
  const values = listOf(fields.args);
  if (GROWING.includes(name)) reader.growth.grow(name, numberOf(values[1]));
  if (name === "generate_series") reader.growth.checkSeries(values.map(numberOf));
  if (name === "format") checkFormat(values[0]);
  const over = fields.over as Fields | undefined;
  return [
    ...reader.readAll(values),
    ...["agg_order", "agg_filter"].flatMap((part) => reader.readField(fields[part])),
    ...(over === undefined ? [] : reader.readWindow(over)),
  ];
}

/** Reads functions in FROM, with the names of their columns. */
export function readFunctionSource(reader: Reader, fields: Fields): Source {
  checkFields("RangeFunction", fields, [
    "lateral",
    "ordinality",
    "is_rowsfrom",
    "functions",
    "alias",
    "coldeflist",
  ]);
  const { alias, columns: renamed } = readAlias(fields.alias);
  const members = listOf(fields.functions).map((node) => {
    const [call, definitions, ...rest] = listOf(openAs("List", node).items);
    const { kind, fields: called } = openNode(call);
    if (kind !== "FuncCall" || rest.length > 0) throw notUnderstood(`${kind} in FROM`);
    const name = textsOf(called.funcname).at(-1) ?? "";
    return { name, called, references: reader.read(call), defined: readDefinitions(definitions) };
  });
  const defined = readDefinitions({ List: { items: listOf(fields.coldeflist) } });
  const columns = members.flatMap((member) => {
    const given = [...member.defined, ...defined];
    return given.length > 0 ? given : nameColumns(member, members.length === 1 ? alias : null);
  });
  if (fields.ordinality === true) columns.push("ordinality");
  if (renamed.length > columns.length)
    throw reject(`A function in FROM has ${columns.length} columns, but ${renamed.length} names are given.`);
  return {
    kind: "function",
    alias: alias ?? members[0]?.name ?? "",
    columns: columns.map((name, index) => renamed[index] ?? name),
    references: members.flatMap(({ references }) => references),
  };
}

function nameColumns(
  { name, called }: { name: string; called: Fields },
  alias: string | null,
): readonly string[] {
  if (Object.hasOwn(FUNCTION_COLUMNS, name)) return FUNCTION_COLUMNS[name] ?? [];
  // unnest of several arrays gives a column for each.
  const values = listOf(called.args);
  if (name === "unnest" && values.length > 1) return values.map(() => name);
  return [alias ?? name];
}

/** The names of `AS (a integer, b text)`. */
function readDefinitions(node: unknown): string[] {
  if (node === undefined || Object.keys((node ?? {}) as Fields).length === 0) return [];
  return listOf(openAs("List", node).items).map((item) => {
    const fields = openAs("ColumnDef", item);
    checkFields("ColumnDef", fields, ["colname", "typeName", "is_local"]);
    checkType(fields.typeName);
    return textOf(fields.colname);
  });
}

/** The plain name of an allowed function. */
function checkName(reader: Reader, names: readonly string[]): string {
  const written = names.join(".");
  const name = withoutCatalogue(names);
  if (name !== null && FUNCTIONS.has(name)) return name;
  if (!reader.rules.functions.includes(written))
    throw forbidFunction(written, [...FUNCTIONS, ...reader.rules.functions]);
  return written;
}

/** `%1000000000s` makes a text of that length. */
function checkFormat(node: unknown): void {
  const text = literalOf(node);
  if (typeof text !== "string" || /%[^a-z%]*(\*|\d{4})/i.test(text))
    throw reject("format() takes a plain text with widths below 1000.");
}

function numberOf(node: unknown): number | null {
  const value = literalOf(node);
  return typeof value === "number" ? value : null;
}

/** The value of a number or text that is written in the statement. */
function literalOf(node: unknown): number | string | null {
  if (node === undefined) return null;
  const { kind, fields } = openNode(node);
  if (kind === "A_Expr" && textsOf(fields.name)[0] === "-" && fields.lexpr === undefined) {
    const value = literalOf(fields.rexpr);
    return typeof value === "number" ? -value : null;
  }
  if (kind === "TypeCast") {
    const value = literalOf(fields.arg);
    return typeof value === "number" ? value : null;
  }
  if (kind !== "A_Const") return null;
  // The tree leaves out zero.
  if (fields.ival !== undefined) return Number((fields.ival as Fields).ival ?? 0);
  if (fields.fval !== undefined) return Number((fields.fval as Fields).fval);
  if (fields.sval !== undefined) return textOf((fields.sval as Fields).sval);
  return null;
}
