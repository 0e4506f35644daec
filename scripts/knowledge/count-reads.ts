/** What the statements of a stretch of work cost the database. */
export interface Reads {
  /** Rows read, as D1 bills them. */
  rows: number;
  /** Milliseconds inside SQLite. */
  duration: number;
  statements: number;
}

/** A database whose statements are counted. `take` gives what was counted since it was called last. */
export function countReads(database: D1Database): { db: D1Database; take(): Reads } {
  let reads: Reads = { rows: 0, duration: 0, statements: 0 };
  const add = (meta: D1Meta & Record<string, unknown>) => {
    reads.rows += meta.rows_read;
    reads.duration += meta.duration;
    reads.statements++;
  };
  const inner = new WeakMap<D1PreparedStatement, D1PreparedStatement>();
  const wrap = (statement: D1PreparedStatement): D1PreparedStatement => {
    const wrapped = new Proxy(statement, {
      get(target, property) {
        if (property === "bind") return (...values: unknown[]) => wrap(target.bind(...values));
        if (property !== "all") return Reflect.get(target, property).bind(target);
        return async () => {
          const result = await target.all();
          add(result.meta);
          return result;
        };
      },
    });
    inner.set(wrapped, statement);
    return wrapped;
  };
  const db = new Proxy(database, {
    get(target, property) {
      if (property === "prepare") return (sql: string) => wrap(target.prepare(sql));
      if (property !== "batch") return Reflect.get(target, property).bind(target);
      return async (statements: D1PreparedStatement[]) => {
        const results = await target.batch(statements.map((statement) => inner.get(statement) ?? statement));
        for (const { meta } of results) add(meta);
        return results;
      };
    },
  });
  const take = () => {
    const taken = reads;
    reads = { rows: 0, duration: 0, statements: 0 };
    return taken;
  };
  return { db, take };
}
