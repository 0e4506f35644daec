/** What a question cost, added up over its statements. */
export interface ReadCounter {
  rowsRead: number;
  /** As D1 reports it for each statement. */
  milliseconds: number;
}

/**
 * The same database, counting what its statements read. Gives the parts that stores use: `prepare`, `bind`, `all`, `first`
 * and `batch`; the rest is not there.
 */
export function countReads(db: D1Database, counter: ReadCounter): D1Database {
  const originals = new WeakMap<object, D1PreparedStatement>();
  const note = <T>(result: D1Result<T>): D1Result<T> => {
    counter.rowsRead += result.meta.rows_read;
    counter.milliseconds += result.meta.duration;
    return result;
  };
  const wrap = (statement: D1PreparedStatement): D1PreparedStatement => {
    const wrapped = {
      bind: (...values: unknown[]) => wrap(statement.bind(...values)),
      all: async () => note(await statement.all()),
      first: async () => note(await statement.all()).results[0] ?? null,
    };
    originals.set(wrapped, statement);
    return wrapped as unknown as D1PreparedStatement;
  };
  return {
    prepare: (sql: string) => wrap(db.prepare(sql)),
    batch: async (statements: D1PreparedStatement[]) => {
      const results = await db.batch(statements.map((statement) => originals.get(statement) ?? statement));
      return results.map(note);
    },
  } as unknown as D1Database;
}
