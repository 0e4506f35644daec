import type { NamedQuery } from "../../../shared/connections/kinds/sql.ts";
import type { PreparedQuery } from "../sql/check-queries.ts";

/** Runs a statement of ours. */
type AskWith = (sql: string, values: string[]) => Promise<unknown>;

/** Texts, quoted names and comments, which may hold any word and sign. */
const OPAQUE =
  /'(?:[^'\\]|\\[\s\S]|'')*'|"(?:[^"\\]|\\[\s\S]|"")*"|`(?:[^`]|``)*`|--[^\n]*(?:\n|$)|#[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\//g;

const READS = /^\s*\(*\s*(?:SELECT|WITH|VALUES|TABLE|SHOW|DESCRIBE|DESC|EXPLAIN)\b/i;
const CHANGES = /\b(?:INSERT|UPDATE|DELETE|REPLACE)\b(?!\s*\()|\bLOCK\s+IN\s+SHARE\s+MODE\b/i;

/** Has the server read one statement without running it. Rejects with the server's error. */
export async function prepareMysqlQuery(ask: AskWith, { sql }: NamedQuery): Promise<PreparedQuery> {
  await ask("PREPARE gatehouse_check FROM ?", [sql]);
  await ask("DEALLOCATE PREPARE gatehouse_check", []);
  const bare = sql.replaceAll(OPAQUE, " ");
  return {
    parameters: bare.split("?").length - 1,
    writes: !READS.test(bare) || CHANGES.test(bare),
  };
}
