import { reject } from "../refuse.ts";

/** A node of libpg_query's JSON tree without its kind. Absent fields have their default. */
export type Fields = Readonly<Record<string, unknown>>;

/** Where a node stands in the text; says nothing about its meaning. */
const POSITIONS = new Set([
  "location",
  "list_start",
  "list_end",
  "rexpr_list_start",
  "rexpr_list_end",
  "name_location",
]);

/** The kind and the fields of a node, which the tree writes as `{ Kind: { … } }`. */
export function openNode(node: unknown): { kind: string; fields: Fields } {
  const [entry, ...others] = Object.entries((node ?? {}) as Fields);
  if (entry === undefined || others.length > 0) throw notUnderstood("an empty part");
  return { kind: entry[0], fields: (entry[1] ?? {}) as Fields };
}

/** The fields of a node that must be of a kind. */
export function openAs(kind: string, node: unknown): Fields {
  const found = openNode(node);
  if (found.kind !== kind) throw notUnderstood(found.kind);
  return found.fields;
}

/** Refuses a node with a field that its reader does not know. */
export function checkFields(kind: string, fields: Fields, known: readonly string[]): void {
  for (const name of Object.keys(fields))
    if (!known.includes(name) && !POSITIONS.has(name)) throw notUnderstood(`${kind}.${name}`);
}

/** A field that is a list of nodes. */
export function listOf(value: unknown): readonly unknown[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw notUnderstood("a list");
  return value;
}

/** The texts of a list of String nodes. */
export function textsOf(value: unknown): string[] {
  return listOf(value).map((node) => textOf(openAs("String", node).sval));
}

export function textOf(value: unknown): string {
  // The tree leaves out an empty text.
  if (value === undefined) return "";
  if (typeof value !== "string") throw notUnderstood("a text");
  return value;
}

/** Names of the tree's nodes in the words of SQL. */
const WORDS: Readonly<Record<string, string>> = {
  "SelectStmt.intoClause": "SELECT INTO",
  "SelectStmt.lockingClause": "FOR UPDATE or FOR SHARE",
  InsertStmt: "INSERT",
  UpdateStmt: "UPDATE",
  DeleteStmt: "DELETE",
  MergeStmt: "MERGE",
  SetToDefault: "DEFAULT",
  XmlExpr: "an XML expression",
  XmlSerialize: "XMLSERIALIZE",
  RangeTableFunc: "XMLTABLE",
  CurrentOfExpr: "CURRENT OF",
  "JoinExpr.alias": "an alias of a join",
  "JoinExpr.join_using_alias": "an alias of USING",
  "RangeVar.catalogname": "a table of another database",
  "CommonTableExpr.search_clause": "SEARCH",
  "CommonTableExpr.cycle_clause": "CYCLE",
  "FuncCall.func_variadic": "VARIADIC",
};

/** A part that no reader explains. */
export function notUnderstood(what: string): Error {
  return reject(`The statement uses ${WORDS[what] ?? what}, which is not allowed here.`);
}

/** The alias of a member of FROM. */
export function readAlias(value: unknown): { alias: string | null; columns: string[] } {
  if (value === undefined) return { alias: null, columns: [] };
  const fields = value as Fields;
  checkFields("Alias", fields, ["aliasname", "colnames"]);
  return { alias: textOf(fields.aliasname), columns: textsOf(fields.colnames) };
}
