/** A record of a double. */
export type Row = Record<string, unknown>;

/** A request that a double does not take. */
export class Mistake extends Error {}

const text = (literal: string) => literal.slice(1, -1).replaceAll("''", "'");

/** `Field eq literal`, and conditions of this form with `and` between: what the doubles know of `$filter`. */
function fits(row: Row, condition: string): boolean {
  return condition.split(" and ").every((part) => {
    const [, field = "", operator, literal = ""] = /^(\w+) (eq|gt|lt) (.+)$/.exec(part.trim()) ?? [];
    if (!(field in row)) throw new Mistake(`Property '${field}' is not defined`);
    const isText = /^'(?:[^']|'')*'$/.test(literal);
    if (!isText && !/^-?[0-9.]+M?$/.test(literal)) throw new Mistake(`Syntax error at '${literal}'`);
    const wanted = isText ? text(literal) : Number.parseFloat(literal);
    const own = isText ? String(row[field]) : Number(row[field]);
    return operator === "eq" ? own === wanted : operator === "gt" ? own > wanted : own < wanted;
  });
}

/** Rows by `$filter`, `$orderby`, `$skip` and `$top`, and how many fit the condition. */
export function queryRows(rows: readonly Row[], query: URLSearchParams): { rows: Row[]; count: number } {
  const condition = query.get("$filter");
  const fitting = rows.filter((row) => condition === null || fits(row, condition));
  const [field = "", direction = "asc"] = (query.get("$orderby") ?? "").split(" ");
  const sorted =
    field === ""
      ? fitting
      : fitting.toSorted((one, other) => {
          const order = Number(one[field]) - Number(other[field]);
          return direction === "desc" ? -order : order;
        });
  const skip = Number(query.get("$skip") ?? 0);
  const kept = sorted.slice(skip, skip + Number(query.get("$top") ?? sorted.length));
  return { rows: kept, count: fitting.length };
}

/** The fields that `$select` names, all of them without it. */
export function selectFields(row: Row, query: URLSearchParams): Row {
  const names = query.get("$select")?.split(",");
  if (names === undefined) return { ...row };
  for (const name of names) if (!(name in row)) throw new Mistake(`Property '${name}' is not defined`);
  return Object.fromEntries(names.map((name) => [name, row[name]]));
}

/** The pairs of a key or of parameters; a value without a name has the name `""`. Throws for what is no literal. */
export function readLiterals(inner: string, forms: Readonly<Record<string, RegExp>>): Record<string, string> {
  const found: Record<string, string> = {};
  let rest = inner;
  while (rest !== "") {
    const [all, name = "", literal = ""] =
      /^(?:(\w+)=)?((?:[\w.]*'(?:[^']|'')*')|[^,']+)(?:,|$)/.exec(rest) ?? [];
    if (all === undefined || forms[name]?.test(literal) !== true)
      throw new Mistake(`Malformed key at '${rest}'`);
    const quoted = /'(.*)'$/s.exec(literal);
    found[name] = quoted === null ? literal : text(`'${quoted[1]}'`);
    rest = rest.slice(all.length);
  }
  return found;
}
