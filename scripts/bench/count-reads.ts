/** An executed statement: its text, and the values of its parameters. */
export interface Statement {
  sql: string;
  values: readonly unknown[];
}

/** Database cost of a series of statements. */
export interface Reads {
  /** Rows read, as D1 bills them. */
  rows: number;
  /** Milliseconds inside SQLite, as D1 reports them. */
  milliseconds: number;
  /** In the order of their start; includes failed statements. */
  statements: Statement[];
}

/** A database that counts its statements. `take` returns the counts since the last `take`. */
export interface CountedDatabase {
  db: D1Database;
  take(): Reads;
}

interface Wrapped {
  inner: D1PreparedStatement;
  statement: Statement;
}

/**
 * Counts the cost of a database's statements and records them, so that the plan of exactly these can be read.
 * Other methods are passed through; `raw` reports no cost and is only recorded.
 */
export function countReads(database: D1Database): CountedDatabase {
  let reads = emptyReads();
  const wrapped = new WeakMap<object, Wrapped>();
  const note = <T>(result: D1Result<T>): D1Result<T> => {
    reads.rows += result.meta.rows_read;
    reads.milliseconds += result.meta.duration;
    return result;
  };
  const wrap = (inner: D1PreparedStatement, statement: Statement): D1PreparedStatement => {
    const all = async <T>() => {
      reads.statements.push(statement);
      return note(await inner.all<T>());
    };
    const counted = {
      bind: (...values: unknown[]) => wrap(inner.bind(...values), { sql: statement.sql, values }),
      all,
      run: all,
      async first(column?: string) {
        const [row] = (await all<Record<string, unknown>>()).results;
        return row === undefined ? null : column === undefined ? row : row[column];
      },
      async raw(options?: { columnNames?: false }) {
        reads.statements.push(statement);
        return await inner.raw(options);
      },
    };
    wrapped.set(counted, { inner, statement });
    return counted as D1PreparedStatement;
  };
  const db = new Proxy(database, {
    get(target, property) {
      if (property === "prepare") return (sql: string) => wrap(target.prepare(sql), { sql, values: [] });
      if (property !== "batch") return Reflect.get(target, property).bind(target);
      return async (list: D1PreparedStatement[]) => {
        const known = list.map((one) => wrapped.get(one));
        reads.statements.push(...known.flatMap((one) => one?.statement ?? []));
        const results = await target.batch(list.map((one, index) => known[index]?.inner ?? one));
        return results.map(note);
      };
    },
  });
  const take = () => {
    const taken = reads;
    reads = emptyReads();
    return taken;
  };
  return { db, take };
}

function emptyReads(): Reads {
  return { rows: 0, milliseconds: 0, statements: [] };
}
