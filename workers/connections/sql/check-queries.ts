import { ToolError } from "../../../shared/call/tool-error.ts";
import { type NamedQuery, parametersOf } from "../../../shared/connections/kinds/sql.ts";
import { findNearMisses } from "../../../shared/text/near-misses.ts";
import { judgeOf } from "../judge/judges.ts";
import { countOfWrite } from "../judge/oracle/read-write.ts";
import type { SqlEntry } from "./handle.ts";
import type { CatalogueTable } from "./operation.ts";
import { statementRules } from "./statement-rules.ts";

/** What is known of a statement that was prepared, and not run. */
export interface PreparedQuery {
  parameters: number;
  /** Whether it changes something, or locks rows to do so. */
  writes: boolean;
  /** What else is wrong with it. */
  mistake?: string;
}

/**
 * What is wrong with the named queries of an entry, a line each: the field, and a sentence with the closest name.
 *
 * @param prepare - has the database read a statement without running it
 * @param explain - our words for a failure of it; `null` for one that says nothing about the statement
 */
export async function checkQueries(
  entry: Pick<SqlEntry, "queries">,
  tables: readonly CatalogueTable[],
  prepare: (query: NamedQuery) => Promise<PreparedQuery>,
  explain: (failure: unknown) => { message: string } | null,
): Promise<string[]> {
  const mistakes: string[] = [];
  for (const [name, query] of Object.entries(entry.queries)) {
    const found = await checkQuery(query, prepare).catch((failure: unknown) => {
      const known = explain(failure);
      if (known === null) throw failure;
      return { field: "sql", text: `${known.message}${suggest(known.message, tables)}` };
    });
    if (found !== null) mistakes.push(`queries.${name}.${found.field}: ${found.text}`);
  }
  return mistakes;
}

/** {@link checkQueries} for kinds of which every statement is judged before it runs, also one that the company wrote. */
export async function judgeQueries(entry: SqlEntry, tables: readonly CatalogueTable[]): Promise<string[]> {
  const rules = statementRules(entry, tables, null);
  const prepare = async ({ sql, effect }: NamedQuery): Promise<PreparedQuery> => {
    // ClickHouse, the other of these kinds, has no query that writes.
    if (effect !== "read") return { parameters: countOfWrite(sql), writes: true };
    const { parameters } = await (await judgeOf(entry.kind))(sql, rules);
    return { parameters, writes: false };
  };
  return await checkQueries(entry, tables, prepare, (failure) =>
    failure instanceof ToolError ? failure : null,
  );
}

async function checkQuery(
  query: NamedQuery,
  prepare: (query: NamedQuery) => Promise<PreparedQuery>,
): Promise<{ field: string; text: string } | null> {
  const { parameters, writes, mistake } = await prepare(query);
  const declared = parametersOf(query).length;
  if (writes && query.effect === "read")
    return { field: "effect", text: "The statement changes or locks rows, and it is declared to read." };
  if (parameters === declared) return mistake === undefined ? null : { field: "sql", text: mistake };
  const takes = parameters === 1 ? "1 parameter" : `${parameters} parameters`;
  return { field: "parameters", text: `The statement takes ${takes}, and ${declared} are declared.` };
}

/** The closest table or column to the one that a sentence of ours names. */
function suggest(message: string, tables: readonly CatalogueTable[]): string {
  const [, what, written = ""] = /^The (table|column) "?(\S+?)"? does not exist\.$/.exec(message) ?? [];
  if (what === undefined) return "";
  const known =
    what === "table"
      ? tables.map(({ schema, name }) => (written.includes(".") ? `${schema}.${name}` : name))
      : tables.flatMap(({ columns }) => columns.map(({ name }) => name));
  const [nearest] = findNearMisses(what === "table" ? written : (written.split(".").at(-1) ?? ""), known);
  return nearest === undefined ? "" : ` Did you mean "${nearest}"?`;
}
