import type { Client } from "pg";
import type { PostgresqlEntry } from "../../../shared/connections/kinds/postgresql.ts";
import type { NamedQuery } from "../../../shared/connections/kinds/sql.ts";
import type { PreparedQuery } from "../sql/check-queries.ts";
import type { CatalogueTable } from "../sql/operation.ts";
import { searchPathOf, writeSearchPath } from "../sql/statement-rules.ts";

const NAME = "gatehouse_check";

/** A comment, or space. */
const GAP = "(?:\\s|--[^\\n]*(?:\\n|$)|/\\*[\\s\\S]*?\\*/)*";
const CALL = new RegExp(`^${GAP}CALL\\b`, "i");

/** Settings under which the statements of an entry are prepared in the present transaction: those of its calls, empty. */
export async function setForQueries(
  client: Client,
  entry: PostgresqlEntry,
  tables: readonly CatalogueTable[],
): Promise<void> {
  const settings = { search_path: writeSearchPath(searchPathOf(entry, tables)) };
  const names = Object.fromEntries(Object.keys(entry.identity).map((name) => [name, ""]));
  for (const [name, value] of Object.entries({ ...names, ...settings }))
    await client.query("SELECT set_config($1, $2, true)", [name, value]);
}

/**
 * Has PostgreSQL read one statement and plan it, without running it: names, types, and what the account may do. Within a
 * transaction, which goes on. Rejects with the server's error.
 */
export async function prepareQuery(
  client: Client,
  { sql, effect }: NamedQuery,
): Promise<PreparedQuery | null> {
  // A procedure cannot be prepared. One that only reads is a function.
  if (effect !== "read" && CALL.test(sql)) return null;
  await client.query("SAVEPOINT gatehouse_check");
  try {
    // The extended protocol takes one statement: nothing can follow the prepared one.
    await client.query({ text: `PREPARE ${NAME} AS ${sql}`, queryMode: "extended" } as never);
    const { rows } = await client.query<{ parameters: number }>(
      `SELECT cardinality(parameter_types)::int AS parameters FROM pg_prepared_statements WHERE name = '${NAME}'`,
    );
    const parameters = rows[0]?.parameters ?? 0;
    return { parameters, writes: await planWrites(client, parameters) };
  } finally {
    await client.query("ROLLBACK TO SAVEPOINT gatehouse_check; DEALLOCATE ALL");
  }
}

async function planWrites(client: Client, parameters: number): Promise<boolean> {
  const values = parameters === 0 ? "" : `(${Array.from({ length: parameters }, () => "NULL").join(", ")})`;
  try {
    const { rows } = await client.query<{ "QUERY PLAN": unknown }>(
      `EXPLAIN (FORMAT JSON) EXECUTE ${NAME}${values}`,
    );
    return /"Node Type":\s*"(?:ModifyTable|LockRows)"/.test(JSON.stringify(rows));
  } catch (failure) {
    // Some functions are run for the plan, and do not take the empty values of this check.
    if (/^22/.test(String((failure as { code?: unknown }).code))) return false;
    throw failure;
  }
}
