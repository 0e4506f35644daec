import { splitStatements } from "./split-statements.ts";

/** One row of a query result. */
export type Row = Record<string, string | number | null>;

/** The platform database of one environment, as a command or the Worker reaches it. */
export interface PlatformDatabase {
  /** Runs one query. */
  query(sql: string): Promise<Row[]>;
  /** Changes data: all statements of a SQL text in one transaction. */
  change(sql: string): Promise<void>;
}

/** The platform database over a connection. Rejects with the connection's errors. */
export function overConnection(connection: D1Database): PlatformDatabase {
  return {
    query: async (sql) => (await connection.prepare(sql).all<Row>()).results,
    async change(sql) {
      await connection.batch(splitStatements(sql).map((statement) => connection.prepare(statement)));
    },
  };
}
