import { forbid, quote } from "../refuse.ts";
import { checkFields, type Fields, listOf, notUnderstood, openNode, textsOf } from "./tree.ts";

/** Built-in types of plain data. Types that look up objects (`regclass`) or run a schema's code are not here. */
const TYPES = new Set(
  (
    "bool int2 int4 int8 float4 float8 numeric money text varchar bpchar char name date time timetz timestamp timestamptz " +
    "interval uuid json jsonb jsonpath bytea bit varbit inet cidr macaddr macaddr8 point line lseg box path polygon circle " +
    "int4range int8range numrange tsrange tstzrange daterange int4multirange int8multirange nummultirange " +
    "tsmultirange tstzmultirange datemultirange tsvector tsquery"
  ).split(" "),
);

/** Collations that every server has, and those of ICU and the C library by their form. */
const COLLATION =
  /^(C|POSIX|default|ucs_basic|unicode|[a-z]{2,3}([_-][A-Za-z0-9]+)*(\.utf-?8)?|[a-z]{2,3}(-[A-Za-z0-9]+)*-x-icu)$/i;

/** Refuses a type that is not a built-in type of plain data. */
export function checkType(type: unknown): void {
  const fields = (type ?? {}) as Fields;
  checkFields("TypeName", fields, ["names", "typemod", "typmods", "arrayBounds"]);
  for (const node of [...listOf(fields.typmods), ...listOf(fields.arrayBounds)]) {
    const { kind } = openNode(node);
    if (kind !== "A_Const" && kind !== "Integer") throw notUnderstood(`${kind} in a type`);
  }
  const names = textsOf(fields.names);
  const name = withoutCatalogue(names);
  if (name === null || !TYPES.has(name))
    throw forbid(
      `The type ${quote(names.join("."))} is not allowed here. Compare with a text, or cast to a built-in type.`,
    );
}

/** Refuses an unusual collation. */
export function checkCollation(names: readonly string[]): void {
  const name = withoutCatalogue(names);
  if (name === null || !COLLATION.test(name))
    throw forbid(`The collation ${quote(names.join("."))} is not allowed here.`);
}

/** A name of the catalogue without its schema; `null` for one of another schema. */
export function withoutCatalogue(names: readonly string[]): string | null {
  const [first, second, ...rest] = names;
  if (first === undefined || rest.length > 0) return null;
  if (second === undefined) return first;
  return first === "pg_catalog" ? second : null;
}
