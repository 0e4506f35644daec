import type { Effect } from "../call/subject.ts";

/** Bookmarks of databases, by binding: a read that begins with one sees everything that was written before it. */
export type Bookmarks = Readonly<Record<string, string>>;

/** Databases that Gatehouse itself works with. What decides on access is never read from a replica. */
const NEVER: ReadonlySet<string> = new Set(["PLATFORM_DB"]);

/**
 * The databases of one call as sessions (D1's Sessions API). A tool that only reads begins at any replica that is as new as
 * what its person has written; every other one at the primary. A binding without sessions is used as it is.
 */
export class DatabaseSessions {
  readonly #effect: Effect;
  readonly #known: Bookmarks;
  readonly #opened = new Map<string, { session: D1DatabaseSession; hasWritten: boolean }>();

  /** @param known - of what the caller has written before */
  constructor(effect: Effect, known: Bookmarks) {
    this.#effect = effect;
    this.#known = known;
  }

  /** The environment with its databases replaced. */
  wrap<Env extends object>(env: Env): Env {
    return new Proxy(env, {
      get: (target, name) => {
        const binding: unknown = Reflect.get(target, name);
        return typeof name === "string" && !NEVER.has(name) && hasSessions(binding)
          ? this.#open(binding, name)
          : binding;
      },
    });
  }

  /** Bookmarks of the databases in which this call has written. */
  written(): Bookmarks {
    const entries = [...this.#opened].flatMap(([name, { session, hasWritten }]) => {
      const bookmark = hasWritten ? session.getBookmark() : null;
      return bookmark === null ? [] : [[name, bookmark] as const];
    });
    return Object.fromEntries(entries);
  }

  #open(database: D1Database, name: string): D1Database {
    const start = this.#effect === "read" ? (this.#known[name] ?? "first-unconstrained") : "first-primary";
    const opened = this.#opened.get(name) ?? { session: database.withSession(start), hasWritten: false };
    this.#opened.set(name, opened);
    const note = <Result>(result: Result): Result => {
      for (const { meta } of [result].flat() as Partial<D1Result>[]) {
        if (meta?.changed_db === true) opened.hasWritten = true;
      }
      return result;
    };
    const { session } = opened;
    const made: D1Database = new Proxy(database, {
      get(target, key) {
        if (key === "prepare") return (sql: string) => noteWrites(session.prepare(sql), note);
        if (key === "batch")
          return async (statements: D1PreparedStatement[]) =>
            note(await session.batch(statements.map((one) => originals.get(one) ?? one)));
        // A server that opens a session of its own gets that of the call.
        if (key === "withSession") return () => made;
        const value: unknown = Reflect.get(target, key);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
    return made;
  }
}

/** Statements that note writes, with the statement of the platform that each stands for. */
const originals = new WeakMap<object, D1PreparedStatement>();

/** Methods that give no `meta`: what they run may write. */
const SILENT = new Set<PropertyKey>(["first", "raw"]);

function noteWrites(statement: D1PreparedStatement, note: (result: unknown) => unknown): D1PreparedStatement {
  const made = new Proxy(statement, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key);
      if (typeof value !== "function") return value;
      const call = value.bind(target) as (...given: unknown[]) => unknown;
      if (key === "bind")
        return (...given: unknown[]) => noteWrites(call(...given) as D1PreparedStatement, note);
      if (SILENT.has(key)) return call;
      return async (...given: unknown[]) => note(await call(...given));
    },
  });
  originals.set(made, statement);
  return made;
}

function hasSessions(binding: unknown): binding is D1Database {
  const { prepare, batch, withSession } = (binding ?? {}) as Partial<Record<string, unknown>>;
  return [prepare, batch, withSession].every((method) => typeof method === "function");
}
