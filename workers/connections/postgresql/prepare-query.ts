import type { Client } from "pg";
import type { PostgresqlEntry } from "../../../shared/connections/kinds/postgresql.ts";
import type { NamedQuery } from "../../../shared/connections/kinds/sql.ts";
import type { PreparedQuery } from "../sql/check-queries.ts";
import type { CatalogueTable } from "../sql/operation.ts";
import { searchPathOf, writeSearchPath } from "../sql/statement-rules.ts";

/** Comments, and space. A comment has one way to end: many of them would take a time that doubles with each. */
const GAP = "(?:\\s|--[^\\n]*(?:\\n|$)|/\\*(?:[^*]|\\*(?!/))*\\*/)*";
const CALL = new RegExp(`^${GAP}CALL\\b`, "i");

/** Every other statement changes something, or is none that a named query runs. */
const READS = new RegExp(`^(?:${GAP}\\()*${GAP}(?:SELECT|WITH|VALUES|TABLE)\\b`, "i");

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
 * transaction, which goes on. By the protocol, since Hyperdrive takes no PREPARE. Rejects with the server's error.
 */
export async function prepareQuery(client: Client, { sql }: NamedQuery): Promise<PreparedQuery> {
  await client.query("SAVEPOINT gatehouse_check");
  try {
    const { parameters, givesRows } = await describe(client, sql);
    // A procedure has no plan; one that only reads is a function. SELECT … INTO has that of its rows, and gives none.
    const writes = !READS.test(sql) || !givesRows;
    // It also tells what the account may do.
    const plans = CALL.test(sql) ? false : await planWrites(client, sql, parameters);
    return { parameters, writes: writes || plans };
  } finally {
    await client.query("ROLLBACK TO SAVEPOINT gatehouse_check");
  }
}

/** The part of the driver's connection that is used. */
interface Wire {
  once(event: "parameterDescription", listener: Described): unknown;
  removeListener(event: "parameterDescription", listener: Described): unknown;
  parse(statement: { text: string; name: string; types: number[] }): void;
  describe(what: { type: "S"; name: string }): void;
  sync(): void;
}

type Described = (message: { dataTypeIDs: readonly number[] }) => void;

/** What the server says of a statement: how many parameters it takes, and whether it gives rows. */
interface DescribedStatement {
  parameters: number;
  givesRows: boolean;
}

/** Has the server read a statement, of a call also its procedure and its types. The extended protocol takes one statement. */
function describe(client: Client, text: string): Promise<DescribedStatement> {
  return new Promise((resolve, reject) => {
    const found: DescribedStatement = { parameters: 0, givesRows: false };
    const note: Described = ({ dataTypeIDs }) => {
      found.parameters = dataTypeIDs.length;
    };
    client.query({
      submit(wire: Wire) {
        wire.once("parameterDescription", note);
        wire.parse({ text, name: "", types: [] });
        wire.describe({ type: "S", name: "" });
        wire.sync();
      },
      handleRowDescription() {
        found.givesRows = true;
      },
      handleError(failure: Error, wire: Wire) {
        wire.removeListener("parameterDescription", note);
        reject(failure);
      },
      handleReadyForQuery: () => resolve(found),
    } as never);
  });
}

async function planWrites(client: Client, sql: string, parameters: number): Promise<boolean> {
  try {
    const { rows } = await client.query<{ "QUERY PLAN": unknown }>({
      text: `EXPLAIN (FORMAT JSON) ${sql}`,
      values: Array.from({ length: parameters }, () => null),
      queryMode: "extended",
    } as never);
    return /"Node Type":\s*"(?:ModifyTable|LockRows)"|"Utility Statement"/.test(JSON.stringify(rows));
  } catch (failure) {
    // Some functions are run for the plan, and do not take the empty values of this check.
    if (/^22/.test(String((failure as { code?: unknown }).code))) return false;
    throw failure;
  }
}
