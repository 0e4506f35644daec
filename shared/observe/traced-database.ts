import { isTracing, type Span, startSpan } from "./spans.ts";

/** Environments whose databases record spans, by the environment that they were made of. */
const traced = new WeakMap<object, object>();

/**
 * The environment with databases that record a span for each statement, while spans are recorded. A span says which
 * database and what kind of statement it is; never its text or its values.
 */
export function traceDatabases<Env extends object>(env: Env): Env {
  if (!isTracing()) return env;
  const known = traced.get(env) as Env | undefined;
  if (known !== undefined) return known;
  const databases = Object.entries(env).flatMap(([name, binding]) =>
    isDatabase(binding) ? [[name, traceDatabase(binding, name)] as const] : [],
  );
  const made = { ...env, ...Object.fromEntries(databases) };
  traced.set(env, made);
  return made;
}

/** What a database and a session of it have in common. */
type Queried = Pick<D1Database, "prepare" | "batch"> & Partial<D1Database>;

function isDatabase(binding: unknown): binding is D1Database {
  const { prepare, batch } = (binding ?? {}) as Partial<Record<string, unknown>>;
  return typeof prepare === "function" && typeof batch === "function";
}

/** Statements of a traced database, with the statement of the platform that each stands for. */
const originals = new WeakMap<object, D1PreparedStatement>();

function traceDatabase<Database extends Queried>(database: Database, name: string): Database {
  return new Proxy(database, {
    get(target, key) {
      if (key === "prepare") return (sql: string) => traceStatement(target.prepare(sql), kindOf(sql), name);
      if (key === "batch")
        return (statements: readonly D1PreparedStatement[]) =>
          timed("BATCH", name, () => target.batch(statements.map((one) => originals.get(one) ?? one)));
      if (key === "withSession")
        return (...given: Parameters<D1Database["withSession"]>) =>
          traceDatabase((target as unknown as D1Database).withSession(...given) as unknown as Queried, name);
      const value: unknown = Reflect.get(target, key);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

function traceStatement(statement: D1PreparedStatement, kind: string, name: string): D1PreparedStatement {
  const made = new Proxy(statement, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key);
      if (typeof value !== "function") return value;
      const call = value.bind(target) as (...given: unknown[]) => unknown;
      if (key === "bind")
        return (...given: unknown[]) => traceStatement(call(...given) as D1PreparedStatement, kind, name);
      return (...given: unknown[]) => timed(kind, name, () => call(...given) as Promise<unknown>);
    },
  });
  originals.set(made, statement);
  return made;
}

async function timed<Result>(kind: string, name: string, work: () => Promise<Result>): Promise<Result> {
  const span: Span | null = startSpan(`${kind} ${name}`, "client");
  span?.set({ "db.system.name": "sqlite", "db.namespace": name, "db.operation.name": kind });
  try {
    const result = await work();
    span?.end();
    return result;
  } catch (failure) {
    span?.end("database_error");
    throw failure;
  }
}

/** The first word of a statement, such as `SELECT`. */
function kindOf(sql: string): string {
  return /^\s*([a-z]{1,20})\b/i.exec(sql)?.[1]?.toUpperCase() ?? "OTHER";
}
