/** A view with its statement, as the server writes it; empty for an account without SHOW VIEW. */
export interface ViewRow {
  tableSchema: string;
  name: string;
  definition: string | null;
}

/** A word after which a table stands; the server writes a comma of FROM as one. */
const BEFORE_TABLE = /\b(?:from|join)\b\s*(\(*)\s*/gi;

const TABLE = /^`((?:[^`]|``)+)`\.`((?:[^`]|``)+)`(?!\s*\.)/;

/** A function of the company, whose statements read what is not known. */
const OWN_FUNCTION = /`\s*\(/;

/**
 * The tables that each view reads, at any depth, by `schema.name`. `null` where it is not known: the account may not
 * see the statement, or something in it is not a table of the catalogue.
 *
 * @param known - tables and views of the catalogue
 */
export function tablesOfViews(
  views: readonly ViewRow[],
  known: readonly { tableSchema: string; name: string; type: string }[],
): Map<string, string[] | null> {
  const types = new Map(known.map(({ tableSchema, name, type }) => [`${tableSchema}.${name}`, type]));
  const read = new Map(
    views.map(({ tableSchema, name, definition }) => [`${tableSchema}.${name}`, namesIn(definition ?? "")]),
  );
  const follow = (view: string, above: readonly string[]): string[] | null => {
    const found = new Set<string>();
    for (const table of read.get(view) ?? [null]) {
      const type = table === null ? undefined : types.get(table);
      // With a name that the catalogue does not have it could read any table through another view.
      if (table === null || type === undefined || above.includes(table)) return null;
      found.add(table);
      if (type === "BASE TABLE") continue;
      const below = follow(table, [...above, view]);
      if (below === null) return null;
      for (const name of below) found.add(name);
    }
    return [...found];
  };
  return new Map([...read.keys()].map((view) => [view, follow(view, [])]));
}

/** Names after FROM and JOIN; `null` if one of them is something else than a table or a query. */
function namesIn(definition: string): string[] | null {
  if (definition === "" || OWN_FUNCTION.test(definition)) return null;
  const names: string[] = [];
  for (const match of definition.matchAll(BEFORE_TABLE)) {
    const rest = definition.slice(match.index + match[0].length);
    if (match[1] !== "" && /^select\b/i.test(rest)) continue;
    const [, schema, name] = TABLE.exec(rest) ?? [];
    if (schema === undefined || name === undefined) return null;
    names.push(`${schema}.${name}`.replaceAll("``", "`"));
  }
  return names;
}
